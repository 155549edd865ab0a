;; Has sixty-five instances of a module beside its own.
;;
;; both: instantiation limit instances_max
;; instances: 65

(module (func (export "f")))
