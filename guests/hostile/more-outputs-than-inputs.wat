;; Returns one output more than it was given inputs, and does not say from where.
;;
;; both: call invalid_output origins

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $set (global.get $topics.index) (i32.const 1024) (i32.const 9))
  (call $count (i32.const 4096) (i32.const 9) (i32.const 0) (i32.const 0))
  (call $set (global.get $payloads.ends) (i32.const 4096) (i32.const 9))
  (call $set (global.get $payloads.bytes) (i32.const 0) (i32.const 0))
  (global.get $answer))
