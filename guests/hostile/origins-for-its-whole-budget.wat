;; Names as many origins as it may, which take the host longer than it has.
;;
;; both: call budget
;; memory: 64 256

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $set (global.get $topics.index) (i32.const 1024) (i32.const 1))
  (call $set (global.get $payloads.ends) (i32.load offset=16 (local.get $given)) (i32.const 1))
  (call $set (global.get $payloads.bytes)
    (i32.load offset=24 (local.get $given))
    (i32.load (i32.load offset=16 (local.get $given))))
  (i32.store (i32.const 4096) (i32.const 200000))
  (call $set (global.get $origins.ends) (i32.const 4096) (i32.const 1))
  (call $set (global.get $origins.index) (i32.const 1048576) (i32.const 200000))
  (global.get $answer))
