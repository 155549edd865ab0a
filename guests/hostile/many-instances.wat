;; Has seventeen instances of a module beside its own.
;;
;; both: instantiation limit instances_max
;; instances: 17

(module (func (export "f")))
