;; Rejects an input that it was not given.
;;
;; both: call invalid_output rejected

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (i32.store (i32.const 4096) (i32.const 8))
  (call $set (global.get ${world}.rejected) (i32.const 4096) (i32.const 1))
  (global.get $answer))
