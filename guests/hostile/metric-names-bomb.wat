;; Counts under a thousand names.
;;
;; both: call ok
;; numbers: 1000 kept 64

(import "danube:connector/metrics@0.1.0" "counter-add" (func $counter-add (param i32 i32 i64)))

(data (i32.const 4096) "aaaa")

(func $batch (param $given i32) (result i32)
  (local $left i32)
  (local.set $left (i32.const 1000))
  (loop $again
    ;; The name is the number, in digits of four bits that are letters.
    (i32.store (i32.const 4096) (i32.add (i32.const 0x61616161) (i32.or
      (i32.or
        (i32.and (local.get $left) (i32.const 0xf))
        (i32.shl (i32.and (local.get $left) (i32.const 0xf0)) (i32.const 4)))
      (i32.shl (i32.and (local.get $left) (i32.const 0xf00)) (i32.const 8)))))
    (call $counter-add (i32.const 4096) (i32.const 4) (i64.const 1))
    (local.set $left (i32.sub (local.get $left) (i32.const 1)))
    (br_if $again (local.get $left)))
  (call $renew (local.get $given)))
