;; Asks for a topic with `../` in it.
;;
;; both: topics refused is not a topic name

(data (i32.const 4096) "/t/../other/x")

(func $configs (call $name-topic (i32.const 4096) (i32.const 13)))
