;; Returns fewer operations than writes.
;;
;; sink: call invalid_output operations

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $set (global.get $operations) (i32.const 1024) (i32.const 7))
  (global.get $answer))
