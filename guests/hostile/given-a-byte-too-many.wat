;; Is given a byte more than it may return, and reuses it all.
;;
;; both: call limit output_bytes_max
;; given: 1 of 1000001 bytes
;; limits: output_bytes_max=1000000
;; memory: 128 256

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (i32.store (i32.const 4096) (i32.const 1))
  (call $set (global.get $reuse) (i32.const 4096) (i32.const 1))
  (call $set (global.get $payloads.ends) (i32.const 0) (i32.const 0))
  (call $set (global.get $payloads.bytes) (i32.const 0) (i32.const 0))
  (global.get $answer))
