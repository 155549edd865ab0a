;; Returns the name of a topic that is not UTF-8.
;;
;; both: call trap utf-8

(data (i32.const 4096) "\ff\ff\ff\ff")
(data (i32.const 4112) "\00\10\00\00\04\00\00\00")

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $set (global.get $topics.names) (i32.const 4112) (i32.const 1))
  (global.get $answer))
