;; Never returns from `initialize`.
;;
;; both: initialize budget

(func $initialize (loop $again (br $again)))
