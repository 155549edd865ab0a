;; Asks for a topic that is not UTF-8.
;;
;; both: configs trap utf-8

(data (i32.const 4096) "\ff\ff\ff\ff")

(func $configs (call $name-topic (i32.const 4096) (i32.const 4)))
