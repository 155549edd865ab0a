;; Waits a little, again and again.
;;
;; both: call budget
;; limits: call_base_ms=60000

(import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration" (func $after-ns (param i64) (result i32)))
(import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))
(import "wasi:io/poll@0.2.6" "[resource-drop]pollable" (func $drop (param i32)))

(func $batch (param $given i32) (result i32)
  (local $wait i32)
  (loop $again
    (local.set $wait (call $after-ns (i64.const 1000000)))
    (call $block (local.get $wait))
    (call $drop (local.get $wait))
    (br $again))
  (unreachable))
