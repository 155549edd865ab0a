;; Has fifty thousand functions.
;;
;; source: call ok

(repeat 50000 (func (param i32) (result i32) (i32.add (local.get 0) (i32.const {i}))))
