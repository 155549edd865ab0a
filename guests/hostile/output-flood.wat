;; Writes lines to its standard output without end.
;;
;; both: call budget
;; lines: endless kept 4

(import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))
(import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush"
  (func $write (param i32 i32 i32 i32)))

(func $batch (param $given i32) (result i32)
  (local $stream i32)
  (local.set $stream (call $stdout))
  (memory.fill (i32.const 8192) (i32.const 120) (i32.const 4096))
  (i32.store8 (i32.const 12287) (i32.const 10))
  (loop $again
    (call $write (local.get $stream) (i32.const 8192) (i32.const 4096) (i32.const 4096))
    (br $again))
  (unreachable))
