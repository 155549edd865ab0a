;; Traps when it is asked for its topics.
;;
;; both: configs trap unreachable

(func $configs (unreachable))
