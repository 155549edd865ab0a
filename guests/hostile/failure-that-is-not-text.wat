;; Fails with a message that is not UTF-8.
;;
;; both: call trap utf-8

(data (i32.const 8192) "\ff\ff")

(func $batch (param $given i32) (result i32)
  (i32.store8 (i32.const 4096) (i32.const 1))
  (i32.store8 (i32.const 4100) (i32.const 1))
  (i32.store (i32.const 4108) (i32.const 8192))
  (i32.store (i32.const 4112) (i32.const 2))
  (i32.store8 (i32.const 4116) (i32.const 0))
  (i32.store (i32.const 4120) (i32.const -1))
  (i32.const 4096))
