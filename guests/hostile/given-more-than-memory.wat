;; Is given more bytes than it has memory, and asks for no more.
;;
;; both: call trap beyond end of memory
;; given: 1 of 4000000 bytes
