;; Asks for a subscription with a new line in its name.
;;
;; sink: topics refused control characters

(func $configs (i32.store8 (i32.const 2308) (i32.const 10)))
