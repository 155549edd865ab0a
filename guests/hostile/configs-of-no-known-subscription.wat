;; Asks for a kind of subscription that there is not.
;;
;; sink: configs trap discriminant

(func $configs (i32.store8 (i32.const 2352) (i32.const 9)))
