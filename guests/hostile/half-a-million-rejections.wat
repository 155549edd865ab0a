;; Rejects its first input half a million times.
;;
;; both: call limit output_records_max
;; memory: 256 256

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $set (global.get ${world}.rejected) (i32.const 1048576) (i32.const 500000))
  (global.get $answer))
