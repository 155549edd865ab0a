;; The healthy connector: reads every byte that it is given a number of times over, then gives every payload back.
;;
;; both: call ok

(func $batch (param $given i32) (result i32)
  (local $at i32) (local $end i32) (local $sum i32) (local $turns i32)
  (local.set $turns (i32.const 16))
  (loop $turn
    (local.set $at (i32.load offset=24 (local.get $given)))
    (local.set $end (i32.add (local.get $at) (i32.load offset=28 (local.get $given))))
    (loop $byte
      (if (i32.lt_u (local.get $at) (local.get $end)) (then
        (local.set $sum (i32.mul
          (i32.xor (local.get $sum) (i32.load8_u (local.get $at)))
          (i32.const 16777619)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $byte))))
    (local.set $turns (i32.sub (local.get $turns) (i32.const 1)))
    (br_if $turn (local.get $turns)))
  (i32.store (i32.const 4096) (local.get $sum))
  (call $renew (local.get $given)))
