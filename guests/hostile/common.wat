;; What behaviours share. Beside what follows, each has from the test's own template: memory of which everything below
;; 4096 is taken, 4096 to 65535 is its own, and from 65536 on is given away anew in each call; 256 zero bytes at 1024;
;; the topic `/t/a` at 2304, and its label at 2816.

;; The answer of a call: `ok`, and the columns that records and writes have in common. Each column has an address and a
;; length; those of a source go on with keys, attributes, rejected, answers; those of a sink with operations, orders,
;; rejected.
(global $answer i32 (i32.const 3072))
(global $topics.names i32 (i32.const 3076))
(global $topics.index i32 (i32.const 3084))
(global $reuse i32 (i32.const 3092))
(global $payloads.ends i32 (i32.const 3100))
(global $payloads.bytes i32 (i32.const 3108))
(global $origins.ends i32 (i32.const 3116))
(global $origins.index i32 (i32.const 3124))
(global $ids.ends i32 (i32.const 3132))
(global $ids.bytes i32 (i32.const 3140))
;; Of a source:
(global $keys.ends i32 (i32.const 3148))
(global $keys.bytes i32 (i32.const 3156))
(global $attributes.ends i32 (i32.const 3164))
(global $attributes.names.ends i32 (i32.const 3172))
(global $attributes.names.bytes i32 (i32.const 3180))
(global $attributes.values.ends i32 (i32.const 3188))
(global $attributes.values.bytes i32 (i32.const 3196))
(global $source.rejected i32 (i32.const 3204))
(global $answers i32 (i32.const 3212))
(global $source.extra i32 (i32.const 3220))
;; Of a sink:
(global $operations i32 (i32.const 3148))
(global $orders i32 (i32.const 3156))
(global $sink.rejected i32 (i32.const 3164))
(global $sink.extra i32 (i32.const 3172))

;; Says where a column of the answer is, and how long.
(func $set (param $column i32) (param $address i32) (param $length i32)
  (i32.store (local.get $column) (local.get $address))
  (i32.store offset=4 (local.get $column) (local.get $length)))

;; The healthy answer: for each of what was given one record or write, of topic `/t/a`, with the payload that was given.
(func $renew (param $given i32) (result i32)
  (local $count i32)
  (memory.fill (global.get $answer) (i32.const 0) (i32.const 160))
  (local.set $count (i32.load offset=20 (local.get $given)))
  (call $set (global.get $topics.names) (i32.const 2816) (i32.const 1))
  (call $set (global.get $topics.index) (i32.const 1024) (local.get $count))
  (call $set (global.get $payloads.ends) (i32.load offset=16 (local.get $given)) (local.get $count))
  (call $set (global.get $payloads.bytes)
    (i32.load offset=24 (local.get $given))
    (i32.load offset=28 (local.get $given)))
  (global.get $answer))

;; Writes so many numbers, each `step` above the one before it.
(func $count (param $address i32) (param $length i32) (param $first i32) (param $step i32)
  (loop $again
    (if (local.get $length) (then
      (i32.store (local.get $address) (local.get $first))
      (local.set $address (i32.add (local.get $address) (i32.const 4)))
      (local.set $first (i32.add (local.get $first) (local.get $step)))
      (local.set $length (i32.sub (local.get $length) (i32.const 1)))
      (br $again)))))

;; Names this as the topic, in the configurations of both worlds.
(func $name-topic (param $address i32) (param $length i32)
  (call $set (i32.const 2080) (local.get $address) (local.get $length))
  (call $set (i32.const 2336) (local.get $address) (local.get $length)))

;; Memory for the host, as much as there is.
(func $take (param $size i32) (result i32)
  (global.set $top (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
  (global.get $top)
  (global.set $top (i32.add (global.get $top) (local.get $size))))
