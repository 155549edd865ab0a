;; Returns a list of two billion numbers.
;;
;; both: call trap out of bounds

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $set (global.get $payloads.ends) (i32.const 4096) (i32.const 0x7fffffff))
  (global.get $answer))
