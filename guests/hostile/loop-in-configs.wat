;; Never says what its topics are.
;;
;; both: configs budget

(func $configs (loop $again (br $again)))
