;; Says that its output came from its first input, two million times.
;;
;; both: call limit output_origins_max
;; memory: 192 256

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $set (global.get $topics.index) (i32.const 1024) (i32.const 1))
  (call $set (global.get $payloads.ends) (i32.load offset=16 (local.get $given)) (i32.const 1))
  (i32.store (i32.const 4096) (i32.const 2000000))
  (call $set (global.get $origins.ends) (i32.const 4096) (i32.const 1))
  (call $set (global.get $origins.index) (i32.const 1048576) (i32.const 2000000))
  (global.get $answer))
