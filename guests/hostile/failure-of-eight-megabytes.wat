;; Fails with a message of eight mebibytes, of which little is kept.
;;
;; both: call fatal
;; memory: 256 256

(func $batch (param $given i32) (result i32)
  (memory.fill (i32.const 1048576) (i32.const 120) (i32.const 8388608))
  (i32.store8 (i32.const 4096) (i32.const 1))
  (i32.store8 (i32.const 4100) (i32.const 1))
  (i32.store (i32.const 4108) (i32.const 1048576))
  (i32.store (i32.const 4112) (i32.const 8388608))
  (i32.store8 (i32.const 4116) (i32.const 0))
  (i32.store (i32.const 4120) (i32.const -1))
  (i32.const 4096))
