;; Says that its payloads reach as far as numbers do.
;;
;; both: call invalid_output payloads

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $count (i32.const 4096) (i32.const 8) (i32.const -1) (i32.const 0))
  (call $set (global.get $payloads.ends) (i32.const 4096) (i32.const 8))
  (global.get $answer))
