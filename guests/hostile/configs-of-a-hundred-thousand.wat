;; Asks for a hundred thousand topics.
;;
;; both: configs limit topics_max
;; memory: 128 256

(func $configs (result i32)
  (i32.store (i32.const 4100) (i32.const 1048576))
  (i32.store (i32.const 4104) (i32.const 100000))
  (i32.const 4096))
