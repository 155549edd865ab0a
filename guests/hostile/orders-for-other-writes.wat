;; Returns more orders than writes.
;;
;; sink: call invalid_output orders

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $set (global.get $orders) (i32.const 1024) (i32.const 9))
  (global.get $answer))
