;; Says that outputs came from no input.
;;
;; both: call invalid_output origins

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $set (global.get $origins.ends) (i32.const 1024) (i32.const 8))
  (global.get $answer))
