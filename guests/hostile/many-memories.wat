;; Has four memories.
;;
;; both: compile invalid memories

(repeat 3 (memory 1 1))
