;; Has a data segment of four megabytes.
;;
;; source: call ok
;; memory: 128 256

(data (i32.const 1048576)
  (repeat 65536 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"))
