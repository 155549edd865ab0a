;; Returns operations that there are not. They are taken: the pipeline rejects those writes.
;;
;; sink: call ok

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (memory.fill (i32.const 4096) (i32.const 99) (i32.const 8))
  (call $set (global.get $operations) (i32.const 4096) (i32.const 8))
  (global.get $answer))
