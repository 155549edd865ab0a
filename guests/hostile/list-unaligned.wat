;; Returns numbers at an odd address.
;;
;; both: call trap not aligned

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $set (global.get $payloads.ends) (i32.const 4097) (i32.const 8))
  (global.get $answer))
