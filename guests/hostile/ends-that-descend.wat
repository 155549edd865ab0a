;; Says that payloads end before they begin.
;;
;; both: call invalid_output payloads

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $count (i32.const 4096) (i32.const 8) (i32.const 128) (i32.const -16))
  (call $set (global.get $payloads.ends) (i32.const 4096) (i32.const 8))
  (global.get $answer))
