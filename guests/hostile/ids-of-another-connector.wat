;; Returns ids that look like those of its neighbour. They are taken: the host puts the connector before them.
;;
;; both: call ok

(data (i32.const 8192) "healthy/source/hook:1.0")

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $count (i32.const 4096) (i32.const 8) (i32.const 23) (i32.const 0))
  (call $set (global.get $ids.ends) (i32.const 4096) (i32.const 8))
  (call $set (global.get $ids.bytes) (i32.const 8192) (i32.const 23))
  (global.get $answer))
