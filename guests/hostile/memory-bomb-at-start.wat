;; Begins with more memory than it may have.
;;
;; both: instantiation limit memory_bytes_max
;; memory: 257 65536
