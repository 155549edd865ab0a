;; Returns more bytes than it may.
;;
;; both: call limit output_bytes_max
;; limits: output_bytes_max=1000000
;; memory: 128 256

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $set (global.get $payloads.bytes) (i32.const 1048576) (i32.const 1000001))
  (global.get $answer))
