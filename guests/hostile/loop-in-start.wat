;; Never returns from the start function of its module.
;;
;; both: instantiation budget

(func $start (loop $again (br $again)))
(start $start)
