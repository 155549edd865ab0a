//! What components return: taken as it is meant, or refused.

mod support;

use std::{sync::Arc, time::Duration};

use danube_wasm_model::{
    SubscriptionType,
    columns::PayloadAt,
    door::{FailureKind, GuestError, SinkGuest, SourceGuest},
    event::EventBatch,
    message::MessageBatch,
};
use danube_wasm_sandbox::LoadError;
use support::{Bench, Guest, LOG, ZEROS, events, messages, spec, topic};

/// Answers with one record that reuses input 0, after these changes to it.
fn record(changes: &str) -> Guest {
    Guest::polling(format!("{changes} (i32.const 2560)"))
}

/// Fails with this kind and a message of 5,000 letters, to be retried after 1,500 ms.
fn failure(kind: u32) -> String {
    format!(
        "(i32.store8 (i32.const 4096) (i32.const 1))
         (i32.store8 (i32.const 4100) (i32.const {kind}))
         (i32.store (i32.const 4104) (i32.const 42))
         (i32.store (i32.const 4108) (i32.const 8192))
         (i32.store (i32.const 4112) (i32.const 5000))
         (i32.store8 (i32.const 4116) (i32.const 1))
         (i32.store (i32.const 4120) (i32.const 1500))
         (memory.fill (i32.const 8192) (i32.const 120) (i32.const 5000))
         (i32.const 4096)"
    )
}

#[tokio::test]
async fn a_record_can_be_an_input_as_it_was() {
    let bench = Bench::new();
    let source = bench.source(spec(record("").source())).await.expect("it loads");
    let records = source.poll(0, events(&["payload"])).await.expect("a record");
    assert_eq!(records.topics.get(0), "/t/a");
    assert_eq!(records.payloads.places().collect::<Vec<_>>(), [PayloadAt::Input(0)]);
    assert_eq!(records.origins.of(0).collect::<Vec<_>>(), [0]);
}

#[tokio::test]
async fn what_a_component_says_of_itself_is_kept() {
    let bench = Bench::new();
    let wants_keys = || {
        // `ok` of one string, "keys".
        r#"(data (i32.const 4096) "\00\00\00\00\10\10\00\00\01\00\00\00\00\00\00\00\18\10\00\00\04\00\00\00keys")"#
            .to_owned()
    };
    let initialize = "(i32.const 4096)".to_owned();
    let guest = Guest {
        data: wants_keys(),
        initialize,
        ..Default::default()
    };
    let source = bench.source(spec(guest.source())).await.expect("it loads");
    assert!(source.interests().keys && !source.interests().ids);
    assert_eq!(source.producer_configs().len(), 1);
    assert_eq!(source.producer_configs()[0].topic, topic("/t/a"));
    assert!(source.producer_configs()[0].reliable_dispatch);
    assert_eq!(source.id().as_str(), "p/c");
    assert_eq!(source.digest().len(), 64);

    let sink = bench.sink(spec(guest.sink())).await.expect("it loads");
    let config = &sink.consumer_configs()[0];
    assert_eq!((config.topic.as_str(), config.subscription.as_str()), ("/t/a", "s"));
    assert_eq!(config.subscription_type, SubscriptionType::KeyShared);
    let writes = sink.process_batch(0, messages(&["m"])).await.expect("no writes");
    assert!(writes.is_empty());
}

#[tokio::test]
async fn settings_reach_the_component_at_every_start() {
    let bench = Bench::new();
    // Traps unless the name is of one byte and the settings are of seven.
    let guest = Guest {
        initialize: "(if (i32.ne (i32.add (local.get $name_len) (local.get $json_len)) (i32.const 8))
                        (then (unreachable)))
                     (i32.const 1024)"
            .into(),
        ..Guest::polling("(unreachable)")
    };
    let mut with_settings = spec(guest.source());
    with_settings.settings = r#"{"a":1}"#.into();
    let source = bench.source(with_settings).await.expect("it loads");
    for _ in 0..2 {
        let trap = source.poll(0, events(&["a"])).await;
        assert!(
            matches!(&trap, Err(GuestError::Trap { backtrace, .. }) if backtrace[0].contains("call")),
            "{trap:?}"
        );
    }
}

#[tokio::test]
async fn malformed_columns_are_invalid_output() {
    let bench = Bench::new();
    for (changes, said) in [
        ("(i32.store (i32.const 2824) (i32.const 1))", "column `topics`: index 1"),
        ("(i32.store (i32.const 2828) (i32.const 3))", "column `payloads`"),
        ("(i32.store (i32.const 2828) (i32.const -1))", "column `payloads`"),
        // One value in `payloads.bytes.ends`, at which there is 0, while none is used.
        (
            "(i32.store (i32.const 2588) (i32.const 1024)) (i32.store (i32.const 2592) (i32.const 1))",
            "column `payloads`",
        ),
        // One origin that is not there.
        (
            "(i32.store (i32.const 2604) (i32.const 2828)) (i32.store (i32.const 2608) (i32.const 1))
             (i32.store (i32.const 2612) (i32.const 4096)) (i32.store (i32.const 2616) (i32.const 1))
             (i32.store (i32.const 4096) (i32.const 9))",
            "column `origins`: input 9",
        ),
        // A topic of three characters: `/t/`.
        (
            "(i32.store (i32.const 2820) (i32.const 3))",
            "column `topics`: \"/t/\" is not among",
        ),
    ] {
        let source = bench.source(spec(record(changes).source())).await.expect("it loads");
        let error = source.poll(0, events(&["a"])).await.expect_err(said);
        assert!(matches!(error, GuestError::InvalidOutput(_)), "{error:?}");
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn lists_that_lie_outside_of_memory_are_a_trap() {
    let bench = Bench::new();
    for changes in [
        // Beyond the end, unaligned, and text that is none.
        "(i32.store (i32.const 2572) (i32.const -4))",
        "(i32.store (i32.const 2572) (i32.const 2825))",
        "(i32.store8 (i32.const 2304) (i32.const 255))",
    ] {
        let source = bench.source(spec(record(changes).source())).await.expect("it loads");
        let error = source.poll(0, events(&["a"])).await;
        assert!(matches!(error, Err(GuestError::Trap { .. })), "{error:?}");
    }
}

#[tokio::test]
async fn output_over_its_limit_is_not_copied() {
    let bench = Bench::new();
    let bytes = |n: u32| format!("(i32.store (i32.const 2600) (i32.const {n}))");
    let mut limited = spec(record(&bytes(100_000)).source());
    limited.limits.output_bytes_max = 100_000;
    let source = bench.source(limited).await.expect("it loads");
    let error = source.poll(0, events(&["a"])).await;
    assert!(
        matches!(
            error,
            Err(GuestError::Limit {
                limit: "output_bytes_max",
                ..
            })
        ),
        "{error:?}"
    );

    // Within the limit it gets as far as the columns' check.
    let mut limited = spec(record(&bytes(99_000)).source());
    limited.limits.output_bytes_max = 100_000;
    let source = bench.source(limited).await.expect("it loads");
    let error = source.poll(0, events(&["a"])).await;
    assert!(matches!(error, Err(GuestError::InvalidOutput(_))), "{error:?}");
}

#[tokio::test]
async fn rejections_are_counted_as_records_are() {
    let bench = Bench::new();
    for (rejections, fine) in [(3, true), (4, false)] {
        let changes = format!(
            "(i32.store (i32.const 2692) (i32.const 4096)) (i32.store (i32.const 2696) (i32.const {rejections}))"
        );
        let mut limited = spec(record(&changes).source());
        limited.limits.output_records_max = 3;
        let source = bench.source(limited).await.expect("it loads");
        match source.poll(0, events(&["a"])).await {
            Ok(records) => assert!(fine && records.rejected.len() == 3),
            Err(GuestError::Limit { limit, .. }) => assert!(!fine && limit == "output_records_max"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn failures_keep_their_kind_and_a_bounded_message() {
    let bench = Bench::new();
    for (kind, expected) in [
        (0, FailureKind::Retryable),
        (1, FailureKind::Fatal),
        (2, FailureKind::InvalidData),
        (3, FailureKind::Configuration),
    ] {
        let sink = bench
            .sink(spec(Guest::polling(failure(kind)).sink()))
            .await
            .expect("it loads");
        match sink.process_batch(0, messages(&["m"])).await {
            Err(GuestError::Failure(failure)) => {
                assert_eq!(failure.kind, expected);
                assert_eq!(failure.code, 42);
                assert_eq!(failure.retry_after, Some(Duration::from_millis(1_500)));
                assert_eq!(failure.message, "x".repeat(4_096));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_failure_of_initialize_says_whether_to_try_again() {
    let bench = Bench::new();
    for (kind, transient) in [(0, true), (3, false)] {
        let guest = Guest {
            initialize: failure(kind),
            ..Default::default()
        };
        let error = bench
            .source(spec(guest.source()))
            .await
            .map(|_| ())
            .expect_err("a failure");
        assert!(
            matches!(
                &error,
                LoadError::Start {
                    stage: "initialize",
                    ..
                }
            ),
            "{error}"
        );
        assert_eq!(error.is_transient(), transient, "{error}");
    }
}

#[tokio::test]
async fn topics_must_be_granted_and_well_formed() {
    let bench = Bench::new();
    let load = async |role: &str, guest: &Guest, granted: &str| -> String {
        let component: Arc<[u8]> = if role == "source" { guest.source() } else { guest.sink() };
        let mut spec = spec(component);
        spec.topics = vec![topic(granted)];
        let error = match role {
            "source" => bench.source(spec).await.map(|_| ()),
            _ => bench.sink(spec).await.map(|_| ()),
        };
        error.expect_err("a refusal").to_string()
    };
    let normal = Guest::default();
    let said = load("source", &normal, "/t/other").await;
    assert!(said.contains("it publishes to `/t/a`"), "{said}");
    assert!(said.contains("danube_topic = \"/t/a\""), "{said}");
    let said = load("sink", &normal, "/t/other").await;
    assert!(said.contains("it consumes `/t/a`"), "{said}");
    assert!(said.contains("topic = \"/t/a\""), "{said}");

    let not_a_topic = Guest {
        configs: "(i32.store8 (i32.const 2304) (i32.const 120)) (i32.const 2048)".into(),
        ..Default::default()
    };
    let said = load("source", &not_a_topic, "/t/a").await;
    assert!(said.contains("`xt/a` is not a topic name"), "{said}");

    let none = Guest {
        configs: "(i32.const 1024)".into(),
        ..Default::default()
    };
    assert!(load("source", &none, "/t/a").await.contains("names no topic"));

    let too_many_partitions = Guest {
        configs: "(i32.store (i32.const 2088) (i32.const 1025)) (i32.const 2048)".into(),
        ..Default::default()
    };
    assert!(
        load("source", &too_many_partitions, "/t/a")
            .await
            .contains("1025 partitions")
    );
}

/// Wants `texts`, logs the name of its only extra column and each of its values, and traps unless two bytes are left among the
/// payloads. `extra` is where the extra columns are in its batch.
fn reads_texts(extra: u32) -> Guest {
    Guest {
        imports: LOG,
        data: r#"(data (i32.const 4096) "texts")
            (data (i32.const 4112) "\00\10\00\00\05\00\00\00")
            (data (i32.const 4128) "\00\00\00\00\10\10\00\00\01\00\00\00")"#
            .into(),
        initialize: "(i32.const 4128)".into(),
        call: format!(
            "(local $column i32) (local $name i32) (local $end i32)
             (if (i32.ne (i32.load offset=28 (local.get $batch)) (i32.const 2)) (then (unreachable)))
             (if (i32.ne (i32.load offset={count} (local.get $batch)) (i32.const 1)) (then (unreachable)))
             (local.set $column (i32.load offset={extra} (local.get $batch)))
             (call $log (i32.const 2) (i32.load (local.get $column)) (i32.load offset=4 (local.get $column)))
             (if (i32.ne (i32.load8_u offset=8 (local.get $column)) (i32.const 1)) (then (unreachable)))
             (local.set $name (i32.load offset=12 (local.get $column)))
             (local.set $end (i32.add (local.get $name)
                (i32.mul (i32.load offset=16 (local.get $column)) (i32.const 8))))
             (loop $next
                (call $log (i32.const 2) (i32.load (local.get $name)) (i32.load offset=4 (local.get $name)))
                (local.set $name (i32.add (local.get $name) (i32.const 8)))
                (br_if $next (i32.lt_u (local.get $name) (local.get $end))))
             (i32.const {ZEROS})",
            count = extra + 4
        ),
        ..Default::default()
    }
}

#[tokio::test]
async fn payloads_are_given_as_strings_to_who_wants_texts() {
    let payloads = [&b"{}"[..], b"\xff\xfe", "\u{e9}".as_bytes(), b"{}"];
    let mut events = EventBatch::default();
    let mut messages = MessageBatch::default();
    for payload in payloads {
        events.endpoints.push("/hook");
        events.payloads.push(payload);
        messages.topics.push("/t/a");
        messages.payloads.push(payload);
    }
    let bench = Bench::new();
    let source = bench.source(spec(reads_texts(168).source())).await.expect("it loads");
    assert!(source.interests().texts);
    source.poll(0, Arc::new(events)).await.expect("it answers");
    let sink = bench.sink(spec(reads_texts(144).sink())).await.expect("it loads");
    sink.process_batch(0, Arc::new(messages)).await.expect("it answers");
    let lines = bench.host.recorded().lines;
    let lines: Vec<_> = lines.iter().map(|(_, line)| line.as_str()).collect();
    let once = ["texts", "{}", "", "\u{e9}", "{}"];
    assert_eq!(lines, [once, once].concat());
}
