;; Returns a million records.
;;
;; both: call limit output_records_max
;; memory: 128 256

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $set (global.get $topics.index) (i32.const 1048576) (i32.const 1000000))
  (global.get $answer))
