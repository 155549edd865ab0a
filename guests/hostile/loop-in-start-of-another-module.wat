;; Never returns from the start function of a module beside its own.
;;
;; both: instantiation budget
;; instances: 1

(module (func $start (loop $again (br $again))) (start $start))
