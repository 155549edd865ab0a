;; Never returns from a batch.
;;
;; both: call budget

(func $batch (param $given i32) (result i32)
  (loop $again (br $again))
  (unreachable))
