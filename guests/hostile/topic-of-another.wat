;; Returns records of a topic that it was not granted; as a sink, a target of that name, which the pipeline refuses.
;;
;; source: call invalid_output topics
;; sink: call ok

(data (i32.const 4096) "/other/payments")
(data (i32.const 4112) "\00\10\00\00\0f\00\00\00")

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $set (global.get $topics.names) (i32.const 4112) (i32.const 1))
  (global.get $answer))
