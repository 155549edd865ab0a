;; Asks for random bytes without end, as many as it may at once.
;;
;; both: call budget

(import "wasi:random/random@0.2.6" "get-random-bytes" (func $random (param i64 i32)))

(func $batch (param $given i32) (result i32)
  (loop $again
    (global.set $top (i32.const 65536))
    (call $random (i64.const 65536) (i32.const 4096))
    (br $again))
  (unreachable))
