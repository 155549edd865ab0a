;; Asks to be called again in fifty days.
;;
;; both: call retryable

(func $batch (param $given i32) (result i32)
  (i32.store8 (i32.const 4096) (i32.const 1))
  (i32.store8 (i32.const 4100) (i32.const 0))
  (i32.store (i32.const 4108) (i32.const 2304))
  (i32.store (i32.const 4112) (i32.const 4))
  (i32.store8 (i32.const 4116) (i32.const 1))
  (i32.store (i32.const 4120) (i32.const -1))
  (i32.const 4096))
