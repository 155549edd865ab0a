;; Takes all table elements it gets, then gives up.
;;
;; both: call limit table_elements_max

(table $table 1 funcref)

(func $batch (param $given i32) (result i32)
  (loop $again
    (br_if $again (i32.ne (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1))))
  (unreachable))
