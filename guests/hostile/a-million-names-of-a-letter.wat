;; Names a million topics or targets of one letter each, and uses one of them.
;;
;; both: call limit output_records_max
;; memory: 256 256

(func $batch (param $given i32) (result i32)
  (local $at i32)
  (local.set $at (i32.const 1048576))
  (loop $again
    (call $set (local.get $at) (i32.const 2304) (i32.const 1))
    (local.set $at (i32.add (local.get $at) (i32.const 8)))
    (br_if $again (i32.lt_u (local.get $at) (i32.const 9048576))))
  (drop (call $renew (local.get $given)))
  (call $set (global.get $topics.names) (i32.const 1048576) (i32.const 1000000))
  (global.get $answer))
