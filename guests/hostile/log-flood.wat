;; Logs without end.
;;
;; both: call budget
;; lines: endless kept 4

(import "danube:connector/log@0.1.0" "log" (func $log (param i32 i32 i32)))

(func $batch (param $given i32) (result i32)
  (loop $again
    (call $log (i32.const 2) (i32.const 2304) (i32.const 4))
    (br $again))
  (unreachable))
