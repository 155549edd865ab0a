;; Answers with a status that there is not.
;;
;; source: call invalid_output answers

(func $batch (param $given i32) (result i32)
  (drop (call $renew (local.get $given)))
  (i32.store (i32.const 4096) (i32.const 0))
  (i32.store16 (i32.const 4100) (i32.const 999))
  (call $set (i32.const 4104) (i32.const 4600) (i32.const 0))
  (call $set (i32.const 4112) (i32.const 0) (i32.const 0))
  (memory.copy (i32.const 4120) (i32.const 4096) (i32.const 24))
  (call $set (global.get $answers) (i32.const 4096) (i32.const 1))
  (global.get $answer))
