;; Takes all memory it gets and writes to it, then gives up.
;;
;; both: call limit memory_bytes_max
;; memory: 16 65536

(func $batch (param $given i32) (result i32)
  (local $page i32)
  (loop $again
    (local.set $page (memory.grow (i32.const 1)))
    (if (i32.ne (local.get $page) (i32.const -1)) (then
      (memory.fill (i32.shl (local.get $page) (i32.const 16)) (i32.const 1) (i32.const 65536))
      (br $again))))
  (unreachable))
