;; Logs lines that would forge others, move the cursor or turn the reading direction.
;;
;; both: call ok
;; lines: 1

(import "danube:connector/log@0.1.0" "log" (func $log (param i32 i32 i32)))

(data (i32.const 4096) "a\0aERROR forged\1b[2J\e2\80\ae")

(func $batch (param $given i32) (result i32)
  (call $log (i32.const 2) (i32.const 4096) (i32.const 21))
  (call $renew (local.get $given)))
