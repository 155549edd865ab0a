;; Has data that lies beyond its memory.
;;
;; both: instantiation trap out of bounds

(data (i32.const 16777216) "x")
