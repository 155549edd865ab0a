;; Waits for a moment that never comes.
;;
;; both: call budget

(import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration" (func $after-ns (param i64) (result i32)))
(import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))

(func $batch (param $given i32) (result i32)
  (call $block (call $after-ns (i64.const -1)))
  (unreachable))
