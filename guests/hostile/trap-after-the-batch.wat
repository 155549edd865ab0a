;; Traps when the host has taken its answer.
;;
;; both: call trap unreachable

(func $after (unreachable))
