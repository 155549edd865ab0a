;; Gives the host an address that lies beyond it.
;;
;; both: call trap beyond end of memory

(global $ready (mut i32) (i32.const 0))
(func $configs (global.set $ready (i32.const 1)))
(func $allocate (param $align i32) (param $size i32) (result i32)
  (if (global.get $ready) (then (return (i32.const -8))))
  (call $take (local.get $size)))
