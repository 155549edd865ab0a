;; Logs lines of eight mebibytes without end.
;;
;; both: call budget
;; lines: endless kept 4
;; limits: call_base_ms=200
;; memory: 256 256

(import "danube:connector/log@0.1.0" "log" (func $log (param i32 i32 i32)))

(func $batch (param $given i32) (result i32)
  (memory.fill (i32.const 1048576) (i32.const 120) (i32.const 8388608))
  (loop $again
    (call $log (i32.const 2) (i32.const 1048576) (i32.const 8388608))
    (br $again))
  (unreachable))
