;; Asks for memory without end, whatever the answer.
;;
;; both: call budget
;; memory: 16 65536

(func $batch (param $given i32) (result i32)
  (loop $again
    (drop (memory.grow (i32.const 1)))
    (br $again))
  (unreachable))
