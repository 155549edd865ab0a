;; Logs bytes that are not UTF-8.
;;
;; both: call trap utf-8

(import "danube:connector/log@0.1.0" "log" (func $log (param i32 i32 i32)))

(data (i32.const 4096) "\ff\fe")

(func $batch (param $given i32) (result i32)
  (call $log (i32.const 2) (i32.const 4096) (i32.const 2))
  (unreachable))
