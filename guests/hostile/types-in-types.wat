;; Has a type in a type in a type, five hundred deep.
;;
;; both: compile invalid

(component
  (type $t0 (list u8))
  (repeat 500 (type $t{next} (list $t{i})))
  (instance $none)
  (export "danube:connector/{world}@0.1.0" (instance $none)))
