;; Counts each record, and traps on the last.
;;
;; both: call trap unreachable
;; numbers: 7

(import "danube:connector/metrics@0.1.0" "counter-add" (func $counter-add (param i32 i32 i64)))

(data (i32.const 4096) "records")

(func $batch (param $given i32) (result i32)
  (local $i i32)
  (loop $next
    (if (i32.eq (local.get $i) (i32.sub (i32.load offset=20 (local.get $given)) (i32.const 1))) (then (unreachable)))
    (call $counter-add (i32.const 4096) (i32.const 7) (i64.const 1))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br $next))
  (unreachable))
