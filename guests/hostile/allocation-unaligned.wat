;; Gives the host an address that is not aligned.
;;
;; both: call trap not aligned

(global $ready (mut i32) (i32.const 0))
(func $configs (global.set $ready (i32.const 1)))
(func $allocate (param $align i32) (param $size i32) (result i32)
  (if (global.get $ready) (then (return (i32.const 65537))))
  (call $take (local.get $size)))
