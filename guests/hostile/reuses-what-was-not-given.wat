;; Reuses the payload of an input that it was not given.
;;
;; both: call invalid_output payloads

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $count (i32.const 4096) (i32.const 8) (i32.const 2) (i32.const 1))
  (call $set (global.get $reuse) (i32.const 4096) (i32.const 8))
  (call $set (global.get $payloads.ends) (i32.const 0) (i32.const 0))
  (call $set (global.get $payloads.bytes) (i32.const 0) (i32.const 0))
  (global.get $answer))
