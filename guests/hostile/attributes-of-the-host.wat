;; Sets the attribute that carries a record's id. It is taken: the pipeline drops what is the host's.
;;
;; source: call ok

(data (i32.const 8192) "x-danube-wasm-id")

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $count (i32.const 4096) (i32.const 8) (i32.const 1) (i32.const 0))
  (call $count (i32.const 4128) (i32.const 1) (i32.const 16) (i32.const 0))
  (call $set (global.get $attributes.ends) (i32.const 4096) (i32.const 8))
  (call $set (global.get $attributes.names.ends) (i32.const 4128) (i32.const 1))
  (call $set (global.get $attributes.names.bytes) (i32.const 8192) (i32.const 16))
  (call $set (global.get $attributes.values.ends) (i32.const 4128) (i32.const 1))
  (call $set (global.get $attributes.values.bytes) (i32.const 8192) (i32.const 16))
  (global.get $answer))
