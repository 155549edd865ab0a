;; Logs at a level that there is not.
;;
;; both: call trap discriminant

(import "danube:connector/log@0.1.0" "log" (func $log (param i32 i32 i32)))

(func $batch (param $given i32) (result i32)
  (call $log (i32.const 99) (i32.const 2304) (i32.const 4))
  (unreachable))
