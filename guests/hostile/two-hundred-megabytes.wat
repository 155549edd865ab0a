;; Is a component of two hundred megabytes.
;;
;; source: admission too_large
;; padding: 200000000
