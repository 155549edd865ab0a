;; Is given inputs with ten thousand attributes each, and is healthy.
;;
;; both: call ok
;; given: 8 of 16 bytes with 10000 attributes of 20
;; memory: 128 256
