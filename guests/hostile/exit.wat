;; Exits.
;;
;; both: call trap it exited, and said that it failed

(import "wasi:cli/exit@0.2.6" "exit" (func $exit (param i32)))

(func $batch (param $given i32) (result i32)
  (call $exit (i32.const 1))
  (unreachable))
