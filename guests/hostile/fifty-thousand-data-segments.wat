;; Has fifty thousand data segments, one over the other.
;;
;; source: call ok

(repeat 50000 (data (i32.const 4096) "xxxxxxxxxxxxxxxx"))
