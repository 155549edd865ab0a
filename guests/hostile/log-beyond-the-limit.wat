;; Logs one line of more bytes than may cross at once.
;;
;; both: call limit output_bytes_max
;; limits: output_bytes_max=1000000
;; memory: 256 256

(import "danube:connector/log@0.1.0" "log" (func $log (param i32 i32 i32)))

(func $batch (param $given i32) (result i32)
  (call $log (i32.const 2) (i32.const 1048576) (i32.const 1000001))
  (unreachable))
