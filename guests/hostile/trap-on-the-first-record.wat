;; Counts each record, and traps on the first.
;;
;; both: call trap unreachable
;; numbers: 0

(import "danube:connector/metrics@0.1.0" "counter-add" (func $counter-add (param i32 i32 i64)))

(data (i32.const 4096) "records")

(func $batch (param $given i32) (result i32)
  (local $i i32)
  (loop $next
    (if (i32.eqz (local.get $i)) (then (unreachable)))
    (call $counter-add (i32.const 4096) (i32.const 7) (i64.const 1))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br $next))
  (unreachable))
