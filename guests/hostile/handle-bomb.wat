;; Takes handles and never gives one back.
;;
;; both: call limit handles_max
;; limits: handles_max=64

(import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration" (func $after-ns (param i64) (result i32)))

(func $batch (param $given i32) (result i32)
  (loop $again
    (drop (call $after-ns (i64.const 1)))
    (br $again))
  (unreachable))
