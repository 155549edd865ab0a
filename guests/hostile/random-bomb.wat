;; Asks for as many random bytes as there are numbers.
;;
;; both: call limit random_bytes_max

(import "wasi:random/random@0.2.6" "get-random-bytes" (func $random (param i64 i32)))

(func $batch (param $given i32) (result i32)
  (call $random (i64.const -1) (i32.const 4096))
  (unreachable))
