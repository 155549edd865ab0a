;; Writes to a table of another sink, whose name would be a statement where it is spliced. It is taken: the pipeline refuses
;; the messages of writes to what is not a target of the sink.
;;
;; sink: call ok

(data (i32.const 8192) "a; REMOVE TABLE good")

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (i32.store (i32.const 4096) (i32.const 8192))
  (i32.store (i32.const 4100) (i32.const 20))
  (call $set (global.get $topics.names) (i32.const 4096) (i32.const 1))
  (global.get $answer))
