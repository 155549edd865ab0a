;; Is given an empty batch, and is healthy.
;;
;; both: call ok
;; given: 0 of 0 bytes
