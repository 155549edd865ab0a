;; Is given as many inputs as it may return outputs, and is healthy.
;;
;; both: call ok
;; given: 100000 of 10 bytes
;; memory: 128 256

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $set (global.get $topics.index) (i32.const 6291456) (i32.const 100000))
  (global.get $answer))
