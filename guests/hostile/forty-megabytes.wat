;; Is a component of forty megabytes, most of which mean nothing.
;;
;; source: call ok
;; padding: 40000000
