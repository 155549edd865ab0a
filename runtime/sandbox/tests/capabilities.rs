//! What components can reach, and how little of it at a time.

mod support;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use chacha20::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use danube_wasm_model::door::{GuestError, SourceGuest};
use danube_wasm_sandbox::{Ambient, Clock, GuestLimits, LogLevel, Recording, SourceComponent};
use support::{
    Bench, Guest, LOG, ZEROS, events, spec,
    wasi::{CLI, CLOCKS, FILESYSTEM, IO, RANDOM},
};

/// Imports `sleep`ing: a pollable after so many nanoseconds, and waiting for it.
const SLEEP: &str = r#"
    (import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration" (func $after (param i64) (result i32)))
    (import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))"#;

fn sleeping(call: &str) -> Guest {
    Guest {
        wit: &[IO, CLOCKS],
        world: "import wasi:io/poll@0.2.6; import wasi:clocks/monotonic-clock@0.2.6;",
        imports: SLEEP,
        ..Guest::polling(call)
    }
}

async fn poll(bench: &Bench, guest: Guest) -> Result<(), GuestError> {
    let source = bench.source(spec(guest.source())).await.expect("it loads");
    source.poll(0, events(&["a"])).await.map(|_| ())
}

#[tokio::test]
async fn lines_are_cut_escaped_and_limited() {
    let bench = Bench::new();
    // One line with an escape sequence, one of 1,025 bytes, then a thousand more.
    let flood = Guest {
        imports: LOG,
        data: r#"(data (i32.const 4096) "a\1b[2J\0ab")"#.into(),
        ..Guest::polling(format!(
            "(local $i i32)
             (call $log (i32.const 3) (i32.const 4096) (i32.const 7))
             (memory.fill (i32.const 8192) (i32.const 120) (i32.const 1025))
             (call $log (i32.const 4) (i32.const 8192) (i32.const 1025))
             (call $log (i32.const 0) (i32.const 8192) (i32.const 1))
             (loop $again
                (call $log (i32.const 2) (i32.const 8192) (i32.const 1))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $i) (i32.const 1000))))
             (i32.const {ZEROS})"
        ))
    };
    let mut limited = spec(flood.source());
    limited.limits.log_lines_per_s = 2;
    let source = bench.source(limited).await.expect("it loads");
    source.poll(0, events(&["a"])).await.expect("a flood is no error");

    let recorded = bench.host.recorded();
    assert_eq!(recorded.lines[0], (LogLevel::Warn, r"a\u{1b}[2J; b".to_owned()));
    assert_eq!(recorded.lines[1], (LogLevel::Error, "x".repeat(1_024)));
    let kept = recorded.lines.iter().filter(|(_, line)| line == "x").count() as u64;
    let dropped: u64 = recorded.dropped.iter().map(|(_, n)| n).sum();
    assert_eq!(
        kept + dropped,
        1_000,
        "the trace line is not even counted: nobody listens"
    );
    assert!((6..1_000).contains(&kept), "{kept}");
    assert!(recorded.dropped.iter().all(|(what, _)| *what == "log_lines"));
}

/// What a component is given from the environment, it may say: in a line, in its last words before a trap.
#[tokio::test]
async fn what_came_from_the_environment_is_struck_out_of_what_a_component_says() {
    let bench = Bench::new();
    let says = "key hunter2-hunter2 is bad";
    let guest = Guest {
        imports: LOG,
        data: format!(r#"(data (i32.const 4096) "{says}")"#),
        ..Guest::polling(format!(
            "(call $log (i32.const 4) (i32.const 4096) (i32.const {})) (unreachable)",
            says.len()
        ))
    };
    let mut secretive = spec(guest.source());
    secretive.settings = r#"{"config": {"key": "hunter2-hunter2"}}"#.to_owned();
    secretive.settings_kept = Some(r#"{"config": {"key": "${KEY}"}}"#.to_owned());
    let source = bench.source(secretive).await.expect("it loads");
    let error = source.poll(0, events(&["a"])).await.expect_err("a trap");
    assert!(error.to_string().contains("key *** is bad"), "{error}");
    let lines = bench.host.recorded().lines;
    assert_eq!(lines, [(LogLevel::Error, "key *** is bad".to_owned())]);
}

#[tokio::test]
async fn a_trap_does_not_refill_the_log_quota() {
    let bench = Bench::new();
    let guest = Guest {
        imports: LOG,
        ..Guest::polling("(call $log (i32.const 2) (i32.const 2304) (i32.const 4)) (unreachable)")
    };
    let mut limited = spec(guest.source());
    limited.limits.log_lines_per_s = 0;
    let source = bench.source(limited).await.expect("it loads");
    for _ in 0..3 {
        source.poll(0, events(&["a"])).await.expect_err("a trap");
    }
    let recorded = bench.host.recorded();
    assert_eq!((recorded.lines.len(), recorded.dropped.len()), (0, 3));
}

#[tokio::test]
async fn numbers_reach_the_host_under_a_bounded_set_of_names() {
    let bench = Bench::new();
    let call =
        |function: &str, at: u32, value: &str| format!("(call ${function} (i32.const {at}) (i32.const 4) {value})");
    let guest = Guest {
        imports: r#"
            (import "danube:connector/metrics@0.1.0" "counter-add" (func $count (param i32 i32 i64)))
            (import "danube:connector/metrics@0.1.0" "gauge-set" (func $gauge (param i32 i32 f64)))
            (import "danube:connector/metrics@0.1.0" "observe" (func $observe (param i32 i32 f64)))"#,
        data: r#"(data (i32.const 4096) "aaaabbbbccccA-z!")"#.into(),
        ..Guest::polling(format!(
            "{}{}{}{}{}{} (i32.const {ZEROS})",
            call("count", 4096, "(i64.const 7)"),
            call("gauge", 4100, "(f64.const 1.5)"),
            call("observe", 4096, "(f64.const 2.5)"),
            call("gauge", 4100, "(f64.const nan)"),
            call("count", 4104, "(i64.const 1)"),
            call("count", 4108, "(i64.const 1)"),
        ))
    };
    let mut limited = spec(guest.source());
    limited.limits.metric_names_max = 2;
    let source = bench.source(limited).await.expect("it loads");
    source.poll(0, events(&["a"])).await.expect("it answers");
    let recorded = bench.host.recorded();
    assert_eq!(recorded.counters, [("aaaa".to_owned(), 7)]);
    assert_eq!(recorded.gauges, [("bbbb".to_owned(), 1.5)]);
    assert_eq!(recorded.observations, [("aaaa".to_owned(), 2.5)]);
    assert_eq!(
        recorded.dropped,
        [("metrics", 1); 3],
        "not a number, a third name, not a name"
    );
}

#[tokio::test]
async fn waiting_in_the_host_has_an_end() {
    let bench = Bench::new();
    let forever = sleeping("(call $block (call $after (i64.const -1))) (unreachable)");
    let mut limited = spec(forever.source());
    limited.limits.wait_ms_max = 30;
    let source = bench.source(limited).await.expect("it loads");
    let error = source.poll(0, events(&["a"])).await;
    assert!(
        matches!(error, Err(GuestError::Budget { budget_ms: 30, .. })),
        "{error:?}"
    );

    let short = sleeping("(call $block (call $after (i64.const 1000000))) (i32.const 1024)");
    poll(&bench, short).await.expect("a millisecond is fine");
}

#[tokio::test]
async fn short_waits_add_up_to_the_same_end() {
    let bench = Bench::new();
    let guest = Guest {
        imports: r#"
            (import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration" (func $after (param i64) (result i32)))
            (import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))
            (import "wasi:io/poll@0.2.6" "[resource-drop]pollable" (func $drop (param i32)))"#,
        ..sleeping(
            "(local $p i32)
             (loop $again
                (local.set $p (call $after (i64.const 1000000)))
                (call $block (local.get $p))
                (call $drop (local.get $p))
                (br $again))
             (unreachable)",
        )
    };
    let mut limited = spec(guest.source());
    limited.limits.wait_ms_max = 20;
    // Far more than the waits can take slices of running.
    limited.limits.call_base_ms = 3_600_000;
    let source = bench.source(limited).await.expect("it loads");
    let error = source.poll(0, events(&["a"])).await;
    assert!(
        matches!(error, Err(GuestError::Budget { budget_ms: 20, .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn handles_to_host_resources_are_limited() {
    let bench = Bench::new();
    let hoard = sleeping("(loop $again (drop (call $after (i64.const 1))) (br $again)) (unreachable)");
    for (handles_max, resources_max, expected) in [(10, 1_000, "handles_max"), (1_000, 10, "resources_max")] {
        let mut limited = spec(hoard.source());
        limited.limits.handles_max = handles_max;
        limited.limits.resources_max = resources_max;
        let source = bench.source(limited).await.expect("it loads");
        match source.poll(0, events(&["a"])).await {
            Err(GuestError::Limit { limit, .. }) => assert_eq!(limit, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn exit_is_a_trap() {
    let bench = Bench::new();
    let guest = Guest {
        wit: &[IO, CLI],
        world: "import wasi:cli/exit@0.2.6;",
        imports: r#"(import "wasi:cli/exit@0.2.6" "exit" (func $exit (param i32)))"#,
        ..Guest::polling("(call $exit (i32.const 1)) (unreachable)")
    };
    match poll(&bench, guest).await {
        Err(GuestError::Trap { message, .. }) => {
            assert!(message.starts_with("it exited, and said that it failed"), "{message}")
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_a_panic_wrote_is_in_the_log_and_in_the_error() {
    let bench = Bench::new();
    let guest = Guest {
        wit: &[IO, CLI],
        world: "import wasi:cli/stderr@0.2.6;",
        imports: r#"
            (import "wasi:cli/stderr@0.2.6" "get-stderr" (func $stderr (result i32)))
            (import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush"
                (func $write (param i32 i32 i32 i32)))"#,
        data: r#"(data (i32.const 4096) "panicked at lib.rs:1\0aindex out of bounds")"#.into(),
        ..Guest::polling("(call $write (call $stderr) (i32.const 4096) (i32.const 40) (i32.const 8192)) (unreachable)")
    };
    match poll(&bench, guest).await {
        Err(GuestError::Trap { message, .. }) => {
            assert!(
                message.ends_with("panicked at lib.rs:1; index out of bounds"),
                "{message}"
            );
        }
        other => panic!("{other:?}"),
    }
    let lines = bench.host.recorded().lines;
    let expected = ["panicked at lib.rs:1", "index out of bounds"].map(|line| (LogLevel::Warn, line.to_owned()));
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn what_a_panic_hook_logged_is_in_the_error_of_that_call_only() {
    let bench = Bench::new();
    // Logs an error for one event and lives; traps for two.
    let guest = Guest {
        imports: LOG,
        data: r#"(data (i32.const 4096) "old")"#.into(),
        ..Guest::polling(
            "(if (i32.eq (i32.load offset=20 (local.get $batch)) (i32.const 2)) (then (unreachable)))
             (call $log (i32.const 4) (i32.const 4096) (i32.const 3))
             (if (i32.eq (i32.load offset=20 (local.get $batch)) (i32.const 3)) (then (unreachable)))
             (i32.const 1024)",
        )
    };
    let source = bench.source(spec(guest.source())).await.expect("it loads");
    source.poll(0, events(&["a"])).await.expect("it lives");
    let quiet = source
        .poll(0, events(&["a", "b"]))
        .await
        .expect_err("a trap")
        .to_string();
    assert!(quiet.ends_with("instruction executed"), "{quiet}");
    let loud = source
        .poll(0, events(&["a", "b", "c"]))
        .await
        .expect_err("a trap")
        .to_string();
    assert!(loud.ends_with("instruction executed: old"), "{loud}");
}

#[tokio::test]
async fn more_output_at_once_than_is_permitted_is_a_trap() {
    let bench = Bench::new();
    let writes = |bytes: u32| Guest {
        wit: &[IO, CLI],
        world: "import wasi:cli/stdout@0.2.6;",
        imports: r#"
            (import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))
            (import "wasi:io/streams@0.2.6" "[method]output-stream.write" (func $write (param i32 i32 i32 i32)))"#,
        ..Guest::polling(format!(
            "(call $write (call $stdout) (i32.const 65536) (i32.const {bytes}) (i32.const 8192)) (i32.const 1024)"
        ))
    };
    poll(&bench, writes(4_096)).await.expect("at the limit");
    match poll(&bench, writes(4_097)).await {
        Err(GuestError::Trap { message, .. }) => {
            assert_eq!(message, "it wrote 4097 bytes at once, 4096 are permitted");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn there_are_no_arguments_no_environment_and_no_files() {
    let bench = Bench::new();
    let guest = Guest {
        wit: &[IO, CLI, FILESYSTEM],
        world: "import wasi:cli/environment@0.2.6; import wasi:filesystem/preopens@0.2.6;",
        imports: r#"
            (import "wasi:cli/environment@0.2.6" "get-environment" (func $environment (param i32)))
            (import "wasi:cli/environment@0.2.6" "get-arguments" (func $arguments (param i32)))
            (import "wasi:filesystem/preopens@0.2.6" "get-directories" (func $directories (param i32)))"#,
        ..Guest::polling(
            "(call $environment (i32.const 4096))
             (call $arguments (i32.const 4104))
             (call $directories (i32.const 4112))
             (if (i32.or (i32.load (i32.const 4100)) (i32.or (i32.load (i32.const 4108)) (i32.load (i32.const 4116))))
                (then (unreachable)))
             (i32.const 1024)",
        )
    };
    poll(&bench, guest).await.expect("all three are empty");
}

#[tokio::test]
async fn randomness_is_limited_by_the_call() {
    let bench = Bench::new();
    let random = |n: u32| Guest {
        wit: &[RANDOM],
        world: "import wasi:random/random@0.2.6;",
        imports: r#"(import "wasi:random/random@0.2.6" "get-random-bytes" (func $random (param i64 i32)))"#,
        ..Guest::polling(format!(
            "(call $random (i64.const {n}) (i32.const 4096)) (i32.const 1024)"
        ))
    };
    poll(&bench, random(65_536)).await.expect("at the limit");
    match poll(&bench, random(65_537)).await {
        Err(GuestError::Limit { limit, .. }) => assert_eq!(limit, "random_bytes_max"),
        other => panic!("{other:?}"),
    }
}

/// Looks at the clocks and at chance, then does the rest.
fn looking(rest: &str) -> Guest {
    Guest {
        wit: &[IO, CLOCKS, RANDOM],
        world: "import wasi:clocks/wall-clock@0.2.6; import wasi:clocks/monotonic-clock@0.2.6;
                import wasi:random/random@0.2.6;",
        imports: r#"
            (import "wasi:clocks/wall-clock@0.2.6" "now" (func $wall (param i32)))
            (import "wasi:clocks/monotonic-clock@0.2.6" "now" (func $monotonic (result i64)))
            (import "wasi:random/random@0.2.6" "get-random-u64" (func $random (result i64)))"#,
        items: "(global $chance (mut i64) (i64.const 0)) (global $passed (mut i64) (i64.const 0))",
        ..Guest::polling(format!(
            "(call $wall (i32.const 4096))
             (global.set $chance (call $random))
             (global.set $passed (call $monotonic))
             {rest}"
        ))
    }
}

fn recalled(source: &SourceComponent) -> Recording {
    let kept = source.recall(0).expect("what the last call saw");
    serde_json::from_str(&kept).expect("a recording")
}

#[tokio::test]
async fn what_a_failed_call_saw_of_time_and_chance_is_known_and_can_be_shown_again() {
    struct Stepping(AtomicU64);
    impl Clock for Stepping {
        fn wall_ms(&self) -> u64 {
            1_700_000_000_123
        }
        fn monotonic_ms(&self) -> u64 {
            5 + self.0.fetch_add(1, Ordering::Relaxed)
        }
    }
    let bench = Bench::new();
    let mut live = spec(looking("(drop (call $monotonic)) (unreachable)").source());
    live.ambient = Ambient::Live(Arc::new(Stepping(AtomicU64::new(0))));
    live.settings_kept = Some("{}".to_owned());
    live.limits.call_base_ms += 1;
    let source = bench.source(live).await.expect("it loads");
    assert_eq!(source.recall(0), None, "nothing was called");
    let error = source.poll(0, events(&["a"])).await.expect_err("it traps");
    assert!(matches!(error, GuestError::Trap { .. }), "{error}");

    let recording = recalled(&source);
    assert!(recording.is_exact(), "{recording:?}");
    assert_eq!(
        (&*recording.role, recording.settings.as_deref(), &recording.topics[..]),
        ("source", Some("{}"), &["/t/a".to_owned()][..])
    );
    assert_eq!(recording.limits().call_base_ms, GuestLimits::default().call_base_ms + 1);
    assert_eq!(
        (recording.call.wall.first_ms, recording.call.wall.last),
        (1_700_000_000_123, 1)
    );
    assert_eq!(
        (recording.call.monotonic.first_ms, &recording.call.monotonic.steps[..]),
        (5, &[(1, 1)][..])
    );

    // Traps unless it sees the same.
    let chance = ChaCha20Rng::from_seed(recording.call.seed.0).next_u64().cast_signed();
    let same = format!(
        "(if (i64.ne (i64.load (i32.const 4096)) (i64.const 1700000000)) (then (unreachable)))
         (if (i32.ne (i32.load (i32.const 4104)) (i32.const 123000000)) (then (unreachable)))
         (if (i64.ne (global.get $passed) (i64.const 5000000)) (then (unreachable)))
         (if (i64.ne (call $monotonic) (i64.const 6000000)) (then (unreachable)))
         (if (i64.ne (global.get $chance) (i64.const {chance})) (then (unreachable)))
         (i32.const 1024)"
    );
    let mut again = spec(looking(&same).source());
    again.ambient = Ambient::Recorded(Arc::new(recording));
    let source = bench.source(again).await.expect("it loads");
    for _ in 0..3 {
        source.poll(0, events(&["a"])).await.expect("what was recorded");
    }
}

#[tokio::test]
async fn calls_that_passed_are_known_too_and_each_has_chance_of_its_own() {
    let bench = Bench::new();
    let source = bench
        .source(spec(looking("(i32.const 1024)").source()))
        .await
        .expect("it loads");
    let mut seeds = BTreeSet::new();
    for (calls_before, inputs) in [(0, 2), (1, 1), (2, 1)] {
        source.poll(0, events(&["a", "b"][..inputs])).await.expect("a batch");
        let recording = recalled(&source);
        assert_eq!((recording.calls_before, recording.inputs), (calls_before, inputs));
        assert!(!recording.is_exact() && recording.settings.is_none());
        seeds.insert(String::from(recording.call.seed));
        seeds.insert(String::from(recording.start.seed));
    }
    assert_eq!(seeds.len(), 4, "one of the start, and one of each call");
}
