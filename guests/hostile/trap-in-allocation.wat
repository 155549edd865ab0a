;; Traps when the host asks it for memory.
;;
;; both: initialize trap unreachable

(func $allocate (param $align i32) (param $size i32) (result i32) (unreachable))
