;; Traps in the start function of its module.
;;
;; both: instantiation trap unreachable

(func $start (unreachable))
(start $start)
