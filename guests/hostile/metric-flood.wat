;; Counts without end.
;;
;; both: call budget
;; numbers: endless

(import "danube:connector/metrics@0.1.0" "counter-add" (func $counter-add (param i32 i32 i64)))

(data (i32.const 4096) "a")

(func $batch (param $given i32) (result i32)
  (loop $again
    (call $counter-add (i32.const 4096) (i32.const 1) (i64.const -1))
    (br $again))
  (unreachable))
