//! What misbehaving components do to themselves, and do not do to others.

mod support;

use danube_wasm_model::{
    columns::PayloadAt,
    door::{GuestError, SinkGuest, SourceGuest},
};
use danube_wasm_sandbox::{GuestLimits, LoadError, PoolLimits};
use support::{Bench, DEADLINE, Guest, LOG, SPIN, TRAP, ZEROS, events, messages, sections::instantiate, spec};

/// Core instances of a component that is written by hand, with what adapts its imports.
const CORE_INSTANCES_OF_ITS_OWN: usize = 8;

/// Limits under which a component that spins is soon stopped.
fn short_limits() -> GuestLimits {
    GuestLimits {
        call_base_ms: 20,
        call_per_record_us: 1_000,
        initialize_ms: 20,
        ..Default::default()
    }
}

/// Traps when the batch has two events, answers otherwise.
fn traps_on_two() -> Guest {
    // The number of payloads is the length of their `ends`, at offset 20 of the batch.
    Guest::polling(format!(
        "(if (i32.eq (i32.load offset=20 (local.get $batch)) (i32.const 2)) (then (call $deep)))
         (i32.const {ZEROS})"
    ))
    .with_items("(func $deep (call $deeper)) (func $deeper (unreachable))")
}

/// A sandbox that takes connectors for quick from the first call on, so that they run where those of others do.
fn trusting(workers: usize) -> Bench {
    Bench::with(|options| (options.workers, options.calls_to_know) = (workers, 0))
}

trait With {
    fn with_items(self, items: &'static str) -> Self;
}

impl With for Guest {
    fn with_items(self, items: &'static str) -> Self {
        Self { items, ..self }
    }
}

#[tokio::test]
async fn a_trap_names_its_functions_and_the_next_call_has_a_fresh_instance() {
    let bench = Bench::new();
    let source = bench.source(spec(traps_on_two().source())).await.expect("it loads");
    for _ in 0..3 {
        match source.poll(0, events(&["a", "b"])).await {
            Err(GuestError::Trap { message, backtrace }) => {
                assert!(message.contains("unreachable"), "{message}");
                assert_eq!(backtrace[..2], ["deeper", "deep"], "{backtrace:?}");
            }
            other => panic!("{other:?}"),
        }
        source.poll(0, events(&["a"])).await.expect("a fresh instance");
    }
    assert_eq!(bench.sandbox.usage().instances, 1, "dead instances are gone");
}

#[tokio::test]
async fn a_loop_is_stopped_at_the_budget_in_every_export_and_in_realloc() {
    let bench = Bench::new();
    let with = |guest: Guest| {
        let mut spec = spec(guest.source());
        spec.limits = short_limits();
        spec
    };

    let poll = bench.source(with(Guest::polling(SPIN))).await.expect("it loads");
    let budget = poll.poll(0, events(&["a", "b"])).await;
    assert!(
        matches!(budget, Err(GuestError::Budget { budget_ms: 22, .. })),
        "{budget:?}"
    );

    for (guest, where_) in [
        (
            Guest {
                initialize: SPIN.into(),
                ..Default::default()
            },
            "initialize",
        ),
        (
            Guest {
                configs: SPIN.into(),
                ..Default::default()
            },
            "producer-configs",
        ),
        (
            Guest {
                realloc: SPIN,
                ..Default::default()
            },
            "initialize",
        ),
    ] {
        match bench.source(with(guest)).await.map(|_| ()) {
            Err(LoadError::Start { stage, error, .. }) => {
                assert_eq!(stage, where_);
                assert!(matches!(error, GuestError::Budget { budget_ms: 20, .. }), "{error:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_loop_on_the_only_worker_does_not_stop_a_neighbour_or_another_lane() {
    let bench = trusting(1);
    let spins_on_two = Guest {
        imports: LOG,
        data: r#"(data (i32.const 4096) "spinning")"#.into(),
        ..Guest::polling(format!(
            "(if (i32.eq (i32.load offset=20 (local.get $batch)) (i32.const 2)) (then
                (call $log (i32.const 2) (i32.const 4096) (i32.const 8))
                (loop $again (br $again))))
             (i32.const {ZEROS})"
        ))
    };
    let mut patient = spec(spins_on_two.source());
    patient.lanes = 2;
    patient.limits.call_base_ms = 3_600_000;
    let busy = bench.source(patient).await.expect("it loads");
    let neighbour = bench.sink(spec(Guest::default().sink())).await.expect("it loads");

    let spinning = {
        let busy = busy.clone();
        tokio::spawn(async move { busy.poll(0, events(&["a", "b"])).await })
    };
    bench.host.line("spinning").await;
    let innocent = async {
        neighbour.process_batch(0, messages(&["a"])).await.expect("a neighbour");
        busy.poll(1, events(&["a"])).await.expect("the other lane");
    };
    tokio::time::timeout(DEADLINE, innocent).await.expect("both in time");
    assert!(!spinning.is_finished());
    spinning.abort();
}

#[tokio::test]
async fn a_connector_is_called_apart_until_it_is_known_and_after_it_has_held_its_thread() {
    let bench = Bench::with(|options| options.calls_to_know = 3);
    // A fill of its memory is one instruction, which no tick interrupts.
    let fills_on_two = Guest {
        imports: LOG,
        memory: "1008 1008",
        data: r#"(data (i32.const 4096) "here")"#.into(),
        ..Guest::polling(format!(
            "(call $log (i32.const 2) (i32.const 4096) (i32.const 4))
             (if (i32.eq (i32.load offset=20 (local.get $batch)) (i32.const 2)) (then
                (memory.fill (i32.const 65536) (i32.const 1) (i32.const {}))))
             (i32.const {ZEROS})",
            (1008 - 16) << 16
        ))
    };
    let source = bench.source(spec(fills_on_two.source())).await.expect("it loads");
    let mut isolated = Vec::new();
    for given in [&["quick"][..]; 4].into_iter().chain([&["a", "b"][..], &["quick"]]) {
        source.poll(0, events(given)).await.expect("an answer");
        let thread = bench.host.recorded().threads.pop().expect("a line");
        assert!(thread.starts_with("guest-"), "{thread}");
        isolated.push(thread.starts_with("guest-isolated-"));
    }
    // New; once it is known, when it fills its memory, and after that.
    assert_eq!(isolated, [true, true, true, false, false, true]);
}

#[tokio::test]
async fn memory_is_limited_over_all_growth_and_said_so() {
    let bench = Bench::new();
    // Grows by a page until it is refused, then gives up as an allocator does.
    let bomb = Guest {
        memory: "16 65536",
        ..Guest::polling(
            "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)",
        )
    };
    let mut limited = spec(bomb.source());
    limited.limits.memory_bytes_max = 8 << 20;
    let source = bench.source(limited).await.expect("it loads");
    match source.poll(0, events(&["a"])).await {
        Err(GuestError::Limit { limit, message }) => {
            assert_eq!(limit, "memory_bytes_max");
            assert!(message.contains("8388608 are allowed"), "{message}");
        }
        other => panic!("{other:?}"),
    }

    let mut too_small = spec(Guest::default().source());
    too_small.limits.memory_bytes_max = (1 << 20) - 1;
    match bench.source(too_small).await.map(|_| ()) {
        Err(LoadError::Start { error, .. }) => assert!(
            matches!(
                error,
                GuestError::Limit {
                    limit: "memory_bytes_max",
                    ..
                }
            ),
            "{error:?}"
        ),
        other => panic!("{other:?}"),
    }
    let mut enough = spec(Guest::default().source());
    enough.limits.memory_bytes_max = 1 << 20;
    bench.source(enough).await.expect("at the limit");
}

#[tokio::test]
async fn endless_recursion_is_a_trap() {
    let bench = Bench::new();
    let recursion = Guest::polling("(i32.add (call $call (local.get $batch)) (i32.const 1))");
    let source = bench.source(spec(recursion.source())).await.expect("it loads");
    match source.poll(0, events(&["a"])).await {
        Err(GuestError::Trap { message, backtrace }) => {
            assert!(message.contains("call stack exhausted"), "{message}");
            assert!(backtrace.len() <= 16, "{}", backtrace.len());
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn tables_are_limited() {
    let bench = Bench::new();
    let big = |elements| Guest {
        items: elements,
        ..Default::default()
    };
    let refused = bench
        .source(spec(big("(table 20001 funcref)").source()))
        .await
        .map(|_| ());
    assert!(
        matches!(
            refused,
            Err(LoadError::Start {
                error: GuestError::Limit {
                    limit: "table_elements_max",
                    ..
                },
                ..
            })
        ),
        "{refused:?}"
    );
    bench
        .source(spec(big("(table 20000 funcref)").source()))
        .await
        .expect("at the limit");
}

#[tokio::test]
async fn a_component_may_have_as_many_core_instances_as_a_language_runtime_has() {
    let usual = GuestLimits::default().instances_max;
    let guest = |more: usize| {
        let mut component = Guest::default().source().to_vec();
        let module = wat::parse_str(r#"(module (func (export "f")))"#).expect("a module");
        instantiate(&mut component, &module, u8::try_from(more).expect("a small number"));
        spec(component.into())
    };
    let bench = Bench::new();
    let mut sources = Vec::new();
    // As many instances as the pool has, each with as many core instances as it may have beside its own.
    for _ in 0..8 {
        sources.push(
            bench
                .source(guest(usual - CORE_INSTANCES_OF_ITS_OWN))
                .await
                .expect("it loads"),
        );
    }
    for source in sources.drain(..) {
        source.poll(0, events(&["a"])).await.expect("it answers");
    }
    let refused = bench
        .source(guest(usual))
        .await
        .map(|_| ())
        .expect_err("refused")
        .to_string();
    assert!(refused.contains("instances_max"), "{refused}");
}

/// Keeps a page of memory of each call, and forwards the payload.
fn leaks() -> Guest {
    Guest {
        // Without memory it has nowhere to put its answer.
        call: "(if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then (unreachable))) (i32.const 2560)".into(),
        ..Guest::default()
    }
}

#[tokio::test]
async fn a_component_that_leaks_is_replaced_before_its_limit_and_loses_nothing() {
    const CALLS: usize = 5_000;
    let bench = Bench::new();
    let mut small = spec(leaks().source());
    small.limits.memory_bytes_max = 4 << 20;
    small.lanes = 2;
    let source = bench.source(small).await.expect("it loads");
    for call in 0..CALLS {
        let event = format!("event {call}");
        let records = source.poll(call % 2, events(&[&event])).await.expect("no trap");
        let places: Vec<_> = records.payloads.places().collect();
        assert_eq!(places, [PayloadAt::Input(0)], "the event is passed on");
        assert!(bench.sandbox.usage().instances <= 2, "the old one is gone");
    }
    // It begins with one mebibyte, and is replaced with more than three of four: after 33 calls.
    let replaced = usize::try_from(bench.host.recorded().replaced).expect("a number");
    assert_eq!(replaced, 2 * (CALLS / 2 / 33));
    let recording = source.recall(0).expect("the last call is known");
    assert!(recording.contains("calls_before"), "{recording}");
}

#[tokio::test]
async fn a_component_that_begins_near_its_limit_is_not_replaced_before_it_grows() {
    let bench = Bench::new();
    let mut full = spec(Guest::default().source());
    full.limits.memory_bytes_max = 1 << 20;
    let source = bench.source(full).await.expect("it loads");
    for _ in 0..100 {
        source.poll(0, events(&["a"])).await.expect("it answers");
    }
    assert_eq!(bench.host.recorded().replaced, 0);
}

#[tokio::test]
async fn a_full_pool_is_the_hosts_fault_and_passes() {
    let bench = Bench::with(|options| {
        options.pool = PoolLimits {
            instances_max: 1,
            ..Default::default()
        };
    });
    let only = bench.source(spec(Guest::default().source())).await.expect("it loads");
    let refused = bench.source(spec(Guest::default().source())).await.map(|_| ());
    match refused {
        Err(error @ LoadError::Start { .. }) => assert!(error.is_transient(), "{error}"),
        other => panic!("{other:?}"),
    }
    drop(only);
    bench
        .source(spec(Guest::default().source()))
        .await
        .expect("there is room again");
}

#[tokio::test]
async fn dropping_a_component_frees_its_instances() {
    let bench = Bench::new();
    let mut lanes = spec(Guest::default().source());
    lanes.lanes = 3;
    let source = bench.source(lanes).await.expect("it loads");
    for lane in 0..3 {
        source.poll(lane, events(&["a"])).await.expect("it answers");
    }
    assert_eq!(bench.sandbox.usage().instances, 3);
    drop(source);
    let usage = bench.sandbox.usage();
    assert_eq!((usage.instances, usage.memories, usage.tables), (0, 0, 0), "{usage:?}");
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_the_lane_usable() {
    for on_the_workers in [false, true] {
        a_caller_goes_away(Bench::new(), on_the_workers).await;
        a_caller_goes_away(trusting(2), on_the_workers).await;
    }
}

async fn a_caller_goes_away(bench: Bench, on_the_workers: bool) {
    let slow_on_two = Guest {
        imports: LOG,
        data: r#"(data (i32.const 4096) "begun")"#.into(),
        ..Guest::polling(format!(
            "(if (i32.eq (i32.load offset=20 (local.get $batch)) (i32.const 2)) (then
                (call $log (i32.const 2) (i32.const 4096) (i32.const 5))
                (loop $again (br $again))))
             (i32.const {ZEROS})"
        ))
    };
    // Nothing but its caller ends it.
    let mut patient = spec(slow_on_two.source());
    patient.limits.call_base_ms = 3_600_000;
    let source = bench.source(patient).await.expect("it loads");
    let abandoned = {
        let source = source.clone();
        let call = async move { source.poll(0, events(&["a", "b"])).await };
        match on_the_workers {
            true => bench.sandbox.spawn(call),
            false => tokio::spawn(call),
        }
    };
    bench.host.line("begun").await;
    abandoned.abort();
    let next = tokio::time::timeout(DEADLINE, source.poll(0, events(&["a"]))).await;
    next.expect("in time").expect("a fresh instance");
}

#[tokio::test]
async fn a_panic_in_the_host_ends_that_call_only() {
    a_host_panics(Bench::new()).await;
    a_host_panics(trusting(2)).await;
}

async fn a_host_panics(bench: Bench) {
    let provokes_on_two = Guest {
        imports: LOG,
        data: r#"(data (i32.const 4096) "host, panic")"#.into(),
        ..Guest::polling(format!(
            "(if (i32.eq (i32.load offset=20 (local.get $batch)) (i32.const 2)) (then
                (call $log (i32.const 2) (i32.const 4096) (i32.const 11))))
             (i32.const {ZEROS})"
        ))
    };
    let source = bench.source(spec(provokes_on_two.source())).await.expect("it loads");
    let panicked = source.poll(0, events(&["a", "b"])).await;
    assert!(matches!(panicked, Err(GuestError::Host { .. })), "{panicked:?}");
    source.poll(0, events(&["a"])).await.expect("the lane goes on");
    let on_the_workers = bench.sandbox.spawn(async move {
        let panicked = source.poll(0, events(&["a", "b"])).await;
        assert!(matches!(panicked, Err(GuestError::Host { .. })), "{panicked:?}");
        source.poll(0, events(&["a"])).await.expect("the lane goes on");
    });
    on_the_workers.await.expect("the panic goes no further");
}

#[tokio::test]
async fn a_fresh_instance_that_finds_no_place_is_tried_again_by_the_next_call() {
    let bench = Bench::with(|options| {
        options.pool = PoolLimits {
            instances_max: 1,
            ..Default::default()
        };
    });
    let source = bench.source(spec(traps_on_two().source())).await.expect("it loads");
    source.poll(0, events(&["a", "b"])).await.expect_err("a trap");
    let neighbour = bench
        .source(spec(Guest::default().source()))
        .await
        .expect("it takes the place");
    let refused = source.poll(0, events(&["a"])).await;
    assert!(matches!(refused, Err(GuestError::Host { .. })), "{refused:?}");
    drop(neighbour);
    source.poll(0, events(&["a"])).await.expect("there is room again");
}

#[tokio::test]
async fn traps_in_initialize_and_in_configs_name_the_stage() {
    let bench = Bench::new();
    let initialize = Guest {
        initialize: TRAP.into(),
        ..Default::default()
    };
    let configs = Guest {
        configs: TRAP.into(),
        ..Default::default()
    };
    for (guest, said) in [(initialize, "initialize"), (configs, "consumer-configs")] {
        let error = bench.sink(spec(guest.sink())).await.map(|_| ()).expect_err("a trap");
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("`guest.wasm`, connector `p/c`, {said}:")),
            "{text}"
        );
        assert!(!error.is_transient());
    }
}
