;; Writes one line to its standard error, which never ends.
;;
;; both: call budget
;; lines: 1

(import "wasi:cli/stderr@0.2.6" "get-stderr" (func $stderr (result i32)))
(import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush"
  (func $write (param i32 i32 i32 i32)))

(func $batch (param $given i32) (result i32)
  (local $stream i32)
  (local.set $stream (call $stderr))
  (memory.fill (i32.const 8192) (i32.const 120) (i32.const 4096))
  (loop $again
    (call $write (local.get $stream) (i32.const 8192) (i32.const 4096) (i32.const 4096))
    (br $again))
  (unreachable))
