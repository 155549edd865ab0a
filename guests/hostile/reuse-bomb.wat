;; Reuses one payload so often that the sum is a thousand times what it was given.
;;
;; both: call limit output_bytes_max
;; limits: output_bytes_max=1000000
;; memory: 128 256
;; given: 1 of 1000 bytes

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $count (i32.const 1048576) (i32.const 1001) (i32.const 1) (i32.const 0))
  (call $count (i32.const 2097152) (i32.const 1001) (i32.const 1) (i32.const 1))
  (call $set (global.get $topics.index) (i32.const 4194304) (i32.const 1001))
  (call $set (global.get $reuse) (i32.const 1048576) (i32.const 1001))
  (call $set (global.get $payloads.ends) (i32.const 0) (i32.const 0))
  (call $set (global.get $payloads.bytes) (i32.const 0) (i32.const 0))
  (call $set (global.get $origins.ends) (i32.const 2097152) (i32.const 1001))
  (call $set (global.get $origins.index) (i32.const 4194304) (i32.const 1001))
  (global.get $answer))
