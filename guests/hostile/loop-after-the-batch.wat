;; Never returns when the host has taken its answer.
;;
;; both: call budget

(func $after (loop $again (br $again)))
