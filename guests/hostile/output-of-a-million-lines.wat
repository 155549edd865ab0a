;; Writes four million lines to its standard output at once.
;;
;; both: call trap 8388608 bytes at once
;; memory: 256 256

(import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))
(import "wasi:io/streams@0.2.6" "[method]output-stream.write" (func $write (param i32 i32 i32 i32)))

(func $batch (param $given i32) (result i32)
  (local $at i32)
  ;; A letter and a new line, eight mebibytes of them.
  (local.set $at (i32.const 1048576))
  (loop $again
    (i32.store (local.get $at) (i32.const 0x0a610a61))
    (local.set $at (i32.add (local.get $at) (i32.const 4)))
    (br_if $again (i32.lt_u (local.get $at) (i32.const 9437184))))
  (call $write (call $stdout) (i32.const 1048576) (i32.const 8388608) (i32.const 4096))
  (unreachable))
