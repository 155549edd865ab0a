;; Fills its whole memory, then waits for what has come already, again and again.
;;
;; both: call budget
;; memory: 256 256

(import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration" (func $after-ns (param i64) (result i32)))
(import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))

(func $batch (param $given i32) (result i32)
  (local $come i32)
  (local.set $come (call $after-ns (i64.const 0)))
  (loop $again
    (memory.fill (i32.const 65536) (i32.const 1) (i32.const 16711680))
    (call $block (local.get $come))
    (br $again))
  (unreachable))
