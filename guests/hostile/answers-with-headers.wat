;; Puts headers of its own into the media type of an answer.
;;
;; source: call invalid_output answers

(data (i32.const 8192) "text/plain\0d\0aSet-Cookie: a=b")

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (i32.store (i32.const 4096) (i32.const 0))
  (i32.store16 (i32.const 4100) (i32.const 200))
  (call $set (i32.const 4104) (i32.const 8192) (i32.const 27))
  (call $set (i32.const 4112) (i32.const 0) (i32.const 0))
  (memory.copy (i32.const 4120) (i32.const 4096) (i32.const 24))
  (call $set (global.get $answers) (i32.const 4096) (i32.const 1))
  (global.get $answer))
