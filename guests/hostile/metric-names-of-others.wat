;; Gives numbers names that would read as another series, and values that are none.
;;
;; both: call ok
;; numbers: 4 kept 0

(import "danube:connector/metrics@0.1.0" "counter-add" (func $counter-add (param i32 i32 i64)))
(import "danube:connector/metrics@0.1.0" "gauge-set" (func $gauge-set (param i32 i32 f64)))

(data (i32.const 4096) "a{connector=\"healthy\"}\0ab 1UPPER")

(func $batch (param $given i32) (result i32)
  (call $counter-add (i32.const 4096) (i32.const 27) (i64.const 1))
  (call $counter-add (i32.const 4123) (i32.const 5) (i64.const 1))
  (call $counter-add (i32.const 4096) (i32.const 0) (i64.const 1))
  (call $gauge-set (i32.const 4096) (i32.const 1) (f64.const nan))
  (call $renew (local.get $given)))
