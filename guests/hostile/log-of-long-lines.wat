;; Logs lines of a kibibyte, more bytes than it may.
;;
;; both: call ok
;; limits: log_lines_per_s=25 log_bytes_per_s=1024
;; lines: 50 kept 4

(import "danube:connector/log@0.1.0" "log" (func $log (param i32 i32 i32)))

(func $batch (param $given i32) (result i32)
  (local $left i32)
  (local.set $left (i32.const 50))
  (memory.fill (i32.const 8192) (i32.const 120) (i32.const 1024))
  (loop $again
    (call $log (i32.const 2) (i32.const 8192) (i32.const 1024))
    (local.set $left (i32.sub (local.get $left) (i32.const 1)))
    (br_if $again (local.get $left)))
  (call $renew (local.get $given)))
