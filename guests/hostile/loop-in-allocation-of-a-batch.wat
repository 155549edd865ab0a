;; Never gives the host the memory for a batch.
;;
;; both: call budget

(global $ready (mut i32) (i32.const 0))
(func $configs (global.set $ready (i32.const 1)))
(func $allocate (param $align i32) (param $size i32) (result i32)
  (if (global.get $ready) (then (loop $again (br $again))))
  (call $take (local.get $size)))
