;; Says that outputs came from inputs that it was not given.
;;
;; both: call invalid_output origins

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $count (i32.const 4096) (i32.const 8) (i32.const 1) (i32.const 1))
  (call $set (global.get $origins.ends) (i32.const 4096) (i32.const 8))
  (call $set (global.get $origins.index) (i32.const 4096) (i32.const 8))
  (global.get $answer))
