;; Returns a record with a million attributes.
;;
;; source: call ok
;; memory: 256 256

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $count (i32.const 4096) (i32.const 8) (i32.const 1000000) (i32.const 0))
  (call $set (global.get $attributes.ends) (i32.const 4096) (i32.const 8))
  (call $set (global.get $attributes.names.ends) (i32.const 1048576) (i32.const 1000000))
  (call $set (global.get $attributes.values.ends) (i32.const 1048576) (i32.const 1000000))
  (global.get $answer))
