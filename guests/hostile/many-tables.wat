;; Has nine tables.
;;
;; both: compile invalid tables

(repeat 9 (table 1 funcref))
