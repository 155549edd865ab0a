;; Asks for a topic of another tenant.
;;
;; both: topics refused `/other/payments`, which the pipeline file does not grant

(data (i32.const 4096) "/other/payments")

(func $configs (call $name-topic (i32.const 4096) (i32.const 15)))
