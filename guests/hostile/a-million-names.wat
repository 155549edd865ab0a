;; Names a million topics or targets, and uses one of them.
;;
;; both: call limit output_records_max
;; memory: 256 256

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $set (global.get $topics.names) (i32.const 1048576) (i32.const 1000000))
  (global.get $answer))
