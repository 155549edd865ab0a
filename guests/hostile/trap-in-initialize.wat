;; Traps in `initialize`.
;;
;; both: initialize trap unreachable

(func $initialize (unreachable))
