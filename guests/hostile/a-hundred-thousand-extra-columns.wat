;; Returns a hundred thousand columns that this version does not know. They are dropped.
;;
;; both: call ok
;; memory: 128 256

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $set (global.get ${world}.extra) (i32.const 1048576) (i32.const 100000))
  (global.get $answer))
