;; Is given one input more than it may return outputs, and returns all.
;;
;; both: call limit output_records_max
;; given: 100001 of 10 bytes
;; memory: 128 256

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $set (global.get $topics.index) (i32.const 6291456) (i32.const 100001))
  (global.get $answer))
