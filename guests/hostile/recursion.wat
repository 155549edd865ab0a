;; Calls itself without end.
;;
;; both: call trap call stack exhausted

(func $batch (param $given i32) (result i32)
  (i32.add (call $batch (local.get $given)) (i32.const 1)))
