;; Returns a list that lies beyond its memory.
;;
;; both: call trap out of bounds

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (call $set (global.get $payloads.bytes) (i32.const -16) (i32.const 128))
  (global.get $answer))
