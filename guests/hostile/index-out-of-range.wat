;; Names a topic that is not among its names.
;;
;; source: call invalid_output topics
;; sink: call invalid_output targets

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $count (i32.const 4096) (i32.const 8) (i32.const 1) (i32.const 0))
  (call $set (global.get $topics.index) (i32.const 4096) (i32.const 8))
  (global.get $answer))
