;; Calls itself without end in `initialize`.
;;
;; both: initialize trap call stack exhausted

(func $initialize (call $initialize) (call $initialize))
