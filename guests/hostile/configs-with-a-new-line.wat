;; Asks for a topic with a new line in it.
;;
;; both: topics refused is not a topic name

(data (i32.const 4096) "/t/a\0a/t/b")

(func $configs (call $name-topic (i32.const 4096) (i32.const 9)))
