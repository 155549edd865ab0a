;; Logs a line a thousand times.
;;
;; both: call ok
;; lines: 1000 kept 4

(import "danube:connector/log@0.1.0" "log" (func $log (param i32 i32 i32)))

(func $batch (param $given i32) (result i32)
  (local $left i32)
  (local.set $left (i32.const 1000))
  (loop $again
    (call $log (i32.const 2) (i32.const 2304) (i32.const 4))
    (local.set $left (i32.sub (local.get $left) (i32.const 1)))
    (br_if $again (local.get $left)))
  (call $renew (local.get $given)))
