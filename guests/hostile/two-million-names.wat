;; Names two million topics or targets.
;;
;; both: call limit output_bytes_max
;; limits: memory_bytes_max=33554432
;; memory: 300 300

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $set (global.get $topics.names) (i32.const 1048576) (i32.const 2000000))
  (global.get $answer))
