;; Asks for the time without end.
;;
;; both: call budget

(import "wasi:clocks/monotonic-clock@0.2.6" "now" (func $now (result i64)))

(func $batch (param $given i32) (result i32)
  (loop $again
    (drop (call $now))
    (br $again))
  (unreachable))
