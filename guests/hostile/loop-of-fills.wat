;; Fills its whole memory, again and again: each time is one instruction.
;;
;; both: call budget
;; memory: 256 256

(func $batch (param $given i32) (result i32)
  (loop $again
    (memory.fill (i32.const 65536) (i32.const 1) (i32.const 16711680))
    (br $again))
  (unreachable))
