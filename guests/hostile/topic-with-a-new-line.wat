;; Returns records of a topic with a new line in it; as a sink, a target.
;;
;; source: call invalid_output topics
;; sink: call ok

(data (i32.const 4096) "/t/a\0a/t/b")
(data (i32.const 4112) "\00\10\00\00\09\00\00\00")

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $set (global.get $topics.names) (i32.const 4112) (i32.const 1))
  (global.get $answer))
