//! The source loop against fakes, in virtual time.

mod fakes;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use danube_wasm_broker::ErrorKind;
use danube_wasm_model::{
    clock::OrderClock,
    columns::{ColumnError, Rejection, RejectionKind},
    door::{Failure, FailureKind, GuestError, Intake, Outcome},
    event::{Answer, RecordBatch},
};
use danube_wasm_pipeline::{Instruments, OnFailure, OnInvalid, RetryPolicy, Source, SourceLimits, SourceParts, Status};
use fakes::{FakeSource, MemoryBroker, event, forward, trap};
use tokio::time::Instant;

async fn start(guest: FakeSource, broker: &MemoryBroker) -> Arc<Source> {
    start_with(guest, broker, SourceLimits::default(), HashMap::new()).await
}

async fn start_with(
    guest: FakeSource,
    broker: &MemoryBroker,
    limits: SourceLimits,
    on_invalid: HashMap<String, OnInvalid>,
) -> Arc<Source> {
    start_telling(guest, broker, limits, on_invalid, OnFailure::Reject).await
}

async fn start_telling(
    guest: FakeSource,
    broker: &MemoryBroker,
    limits: SourceLimits,
    on_invalid: HashMap<String, OnInvalid>,
    on_failure: OnFailure,
) -> Arc<Source> {
    let parts = SourceParts {
        guest: Arc::new(guest),
        broker: Arc::new(broker.clone()),
        ordered: Default::default(),
        validators: HashMap::new(),
        limits,
        on_invalid,
        on_failure: HashMap::from([("/in".to_owned(), on_failure)]),
        retry_policy: RetryPolicy::default(),
        clock: OrderClock::system(),
        instruments: Instruments::default(),
    };
    Source::start(parts).await.expect("a source")
}

fn offer(source: &Arc<Source>, id: &str, payload: &str) -> tokio::task::JoinHandle<Outcome> {
    let (source, event) = (source.clone(), event(id, payload));
    tokio::spawn(async move { source.offer(event).await })
}

fn failure(kind: FailureKind) -> GuestError {
    GuestError::Failure(Failure {
        kind,
        code: 7,
        message: "said so".into(),
        retry_after: Some(Duration::from_secs(3)),
    })
}

#[tokio::test(start_paused = true)]
async fn an_event_is_accepted_only_after_its_records_are_durable() {
    let broker = MemoryBroker::new();
    broker.open_gate(false);
    let source = start(FakeSource::new(|events| Ok(forward(events))), &broker).await;
    let answer = offer(&source, "a", "1");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!answer.is_finished(), "answered before the commit");
    broker.open_gate(true);
    let outcome = answer.await.expect("an answer");
    assert_eq!(
        outcome,
        Outcome::Accepted {
            id: "a".into(),
            records: 1,
            durable: true,
            answer: None
        }
    );
    assert_eq!(broker.published()[0].id.as_str(), "test/source/in:a.0");
}

#[tokio::test(start_paused = true)]
async fn events_that_arrive_together_travel_together() {
    let broker = MemoryBroker::new();
    let guest = FakeSource::new(|events| Ok(forward(events)));
    let calls = guest.calls.clone();
    let source = start(guest, &broker).await;
    let answers: Vec<_> = (0..64).map(|i| offer(&source, &format!("e{i}"), "1")).collect();
    for answer in answers {
        assert!(matches!(answer.await.expect("an answer"), Outcome::Accepted { .. }));
    }
    let calls = calls.lock().clone();
    assert_eq!(calls.iter().sum::<usize>(), 64);
    assert!(calls.len() <= 3, "64 waiting events took {} calls", calls.len());
    assert_eq!(broker.commits(), calls.len());
}

#[tokio::test(start_paused = true)]
async fn a_poisonous_event_fails_alone() {
    let broker = MemoryBroker::new();
    let guest = FakeSource::new(|events| {
        if events.payloads.iter().any(|p| p == b"poison") {
            Err(trap())
        } else {
            Ok(forward(events))
        }
    });
    let source = start(guest, &broker).await;
    let answers: Vec<_> = (0..32)
        .map(|i| offer(&source, &format!("e{i}"), if i == 13 { "poison" } else { "ok" }))
        .collect();
    for (i, answer) in answers.into_iter().enumerate() {
        match answer.await.expect("an answer") {
            Outcome::Failed { message, .. } => assert!(i == 13 && message.contains("trapped"), "{i}: {message}"),
            outcome => assert!(
                i != 13 && matches!(outcome, Outcome::Accepted { .. }),
                "{i}: {outcome:?}"
            ),
        }
    }
    let published = broker.published();
    let records = published.iter().filter(|r| !r.topic.is_for_dead_letters());
    let order: Vec<_> = records.map(|r| r.id.as_str().to_owned()).collect();
    let expected: Vec<_> = (0..32)
        .filter(|i| *i != 13)
        .map(|i| format!("test/source/in:e{i}.0"))
        .collect();
    assert_eq!(order, expected, "halving kept the order");
}

#[tokio::test(start_paused = true)]
async fn all_records_of_an_event_are_one_group_and_have_ordinals() {
    let broker = MemoryBroker::new();
    let guest = FakeSource::new(|events| {
        let mut records = RecordBatch::default();
        for i in 0..events.len() as u32 {
            for n in 0..3 {
                records.topics.push("/test/out");
                records.payloads.push(format!("{n}").as_bytes());
                records.origins.push(&[i]);
            }
        }
        Ok(records)
    });
    let source = start(guest, &broker).await;
    // The same id twice at once, as a sender's impatient retry gives: the same record ids.
    let (one, two) = (offer(&source, "a", "x"), offer(&source, "a", "x"));
    for answer in [one, two] {
        assert!(matches!(
            answer.await.expect("an answer"),
            Outcome::Accepted { records: 3, .. }
        ));
    }
    let ids: Vec<_> = broker.published().iter().map(|r| r.id.as_str().to_owned()).collect();
    let three = ["test/source/in:a.0", "test/source/in:a.1", "test/source/in:a.2"];
    assert_eq!(ids, [three, three].concat());
}

#[tokio::test(start_paused = true)]
async fn a_merge_that_is_grouped_otherwise_at_a_retry_is_another_record() {
    let broker = MemoryBroker::new();
    let guest = FakeSource::new(|events| {
        let mut records = RecordBatch::default();
        records.topics.push("/test/out");
        records.payloads.push(b"merged");
        records.origins.push(&(0..events.len() as u32).collect::<Vec<_>>());
        Ok(records)
    });
    let source = start(guest, &broker).await;
    // The answer to the first is lost: its sender sends it again, and it meets another.
    for together in [&["a"][..], &["a", "b"]] {
        let answers: Vec<_> = together.iter().map(|id| offer(&source, id, "x")).collect();
        for answer in answers {
            assert!(matches!(answer.await.expect("an answer"), Outcome::Accepted { .. }));
        }
    }
    let ids: Vec<_> = broker.published().iter().map(|r| r.id.as_str().to_owned()).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], "test/source/in:a.0");
    assert!(ids[1].starts_with("test/source/in:a.0+"), "{}", ids[1]);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_event_is_refused_and_others_go_on() {
    let broker = MemoryBroker::new();
    let guest = FakeSource::new(|events| {
        let mut records = forward(events);
        for i in (0..events.len()).filter(|i| events.payloads.get(*i) == b"bad") {
            records.rejected.push(Rejection {
                origin: i as u32,
                kind: RejectionKind::InvalidData,
                message: "is bad".into(),
            });
        }
        Ok(records)
    });
    let source = start(guest, &broker).await;
    let (bad, good) = (offer(&source, "a", "bad"), offer(&source, "b", "good"));
    assert!(matches!(bad.await.expect("an answer"), Outcome::Invalid { error, .. } if error.contains("is bad")));
    assert!(matches!(good.await.expect("an answer"), Outcome::Accepted { .. }));
    assert_eq!(broker.published().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_can_keep_what_it_refuses_as_a_dead_letter() {
    let broker = MemoryBroker::new();
    let guest = FakeSource::new(|_| Err(failure(FailureKind::InvalidData)));
    let policy = HashMap::from([("/in".to_owned(), OnInvalid::DeadLetter)]);
    let source = start_with(guest, &broker, SourceLimits::default(), policy).await;
    assert_eq!(
        offer(&source, "a", "bad").await.expect("an answer"),
        Outcome::DeadLettered {
            id: "a".into(),
            durable: true,
        }
    );
    let letter = &broker.published()[0];
    assert_eq!(
        (letter.topic.as_str(), &letter.payload[..]),
        ("/test/dlq-test--source", &b"bad"[..])
    );
    assert!(letter.attributes.contains(&("dlq.reason".into(), "refused".into())));
    assert!(letter.attributes.iter().any(|(name, _)| name == "dlq.received-ms"));
}

/// GitHub, for one, never sends again what was answered 500.
#[tokio::test(start_paused = true)]
async fn an_event_that_the_component_crashes_on_is_a_dead_letter_whatever_its_sender_is_answered() {
    for policy in [OnFailure::Reject, OnFailure::DeadLetter] {
        for crash in [
            trap(),
            GuestError::Budget {
                budget_ms: 5,
                cure: "raise it",
            },
            GuestError::Limit {
                limit: "memory_bytes_max",
                message: "1".into(),
            },
            GuestError::InvalidOutput(ColumnError::new("topics", "is not there".into())),
        ] {
            let broker = MemoryBroker::new();
            let why = crash.to_string();
            let guest = FakeSource::new(move |_| Err(crash.clone()));
            let source = start_telling(guest, &broker, SourceLimits::default(), HashMap::new(), policy).await;
            let outcome = offer(&source, "a", "bad").await.expect("an answer");
            match policy {
                OnFailure::Reject => assert_eq!(
                    outcome,
                    Outcome::Failed {
                        message: why.clone(),
                        kept: true
                    }
                ),
                OnFailure::DeadLetter => assert_eq!(
                    outcome,
                    Outcome::DeadLettered {
                        id: "a".into(),
                        durable: true,
                    }
                ),
            }
            let published = broker.published();
            assert_eq!(published.len(), 1, "{why}");
            let letter = &published[0];
            assert_eq!(
                (letter.topic.is_for_dead_letters(), &letter.payload[..]),
                (true, &b"bad"[..])
            );
            for attribute in [("dlq.reason", "crashed"), ("dlq.message", &*why), ("dlq.id", "a")] {
                let attribute = (attribute.0.to_owned(), attribute.1.to_owned());
                assert!(letter.attributes.contains(&attribute), "{attribute:?}: {letter:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_whose_dead_letter_cannot_be_written_is_a_503() {
    let broker = MemoryBroker::new();
    broker.fail_with(Some(ErrorKind::Storage));
    let guest = FakeSource::new(|_| Err(trap()));
    let source = start_telling(
        guest,
        &broker,
        SourceLimits::default(),
        HashMap::new(),
        OnFailure::DeadLetter,
    )
    .await;
    let outcome = offer(&source, "a", "bad").await.expect("an answer");
    assert!(matches!(outcome, Outcome::Unavailable { .. }), "{outcome:?}");
    assert_eq!(broker.published(), []);
}

#[tokio::test(start_paused = true)]
async fn the_component_answers_for_itself_once_the_records_are_durable() {
    let broker = MemoryBroker::new();
    let guest = FakeSource::new(|events| {
        let answers = (0..events.len() as u32)
            .map(|origin| Answer {
                origin,
                status: 202,
                content_type: "text/plain".into(),
                body: b"challenge".to_vec(),
            })
            .collect();
        Ok(RecordBatch {
            answers,
            origins: danube_wasm_model::columns::Origins::default(),
            ..RecordBatch::default()
        })
    });
    let source = start(guest, &broker).await;
    let outcome = offer(&source, "a", "x").await.expect("an answer");
    let Outcome::Accepted {
        records: 0,
        answer: Some(reply),
        ..
    } = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!((reply.status, &reply.body[..]), (202, &b"challenge"[..]));
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_fails_is_a_503_and_the_source_recovers() {
    let broker = MemoryBroker::new();
    let source = start(FakeSource::new(|events| Ok(forward(events))), &broker).await;
    broker.fail_with(Some(ErrorKind::Storage));
    assert!(matches!(
        offer(&source, "a", "x").await.expect("an answer"),
        Outcome::Unavailable { .. }
    ));
    assert!(matches!(*source.status().borrow(), Status::Degraded(_)));
    broker.fail_with(None);
    assert!(matches!(
        offer(&source, "a", "x").await.expect("an answer"),
        Outcome::Accepted { .. }
    ));
    assert_eq!(*source.status().borrow(), Status::Running);
}

#[tokio::test(start_paused = true)]
async fn retryable_is_a_503_with_the_components_own_wait_and_fatal_stops() {
    let broker = MemoryBroker::new();
    let source = start(FakeSource::new(|_| Err(failure(FailureKind::Retryable))), &broker).await;
    let outcome = offer(&source, "a", "x").await.expect("an answer");
    assert!(matches!(outcome, Outcome::Unavailable { retry_after, .. } if retry_after == Duration::from_secs(3)));

    let source = start(FakeSource::new(|_| Err(failure(FailureKind::Fatal))), &broker).await;
    for id in ["a", "b"] {
        assert!(matches!(
            offer(&source, id, "x").await.expect("an answer"),
            Outcome::Unavailable { .. }
        ));
    }
    assert!(matches!(&*source.status().borrow(), Status::Failed(reason) if reason.contains("said so")));
}

#[tokio::test(start_paused = true)]
async fn a_component_that_asks_for_it_is_called_again_with_the_same_events() {
    let broker = MemoryBroker::new();
    let refusals = AtomicUsize::new(3);
    let busy = move || {
        refusals
            .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
            .is_ok()
    };
    let guest = FakeSource::new(move |events| match busy() {
        true => Err(GuestError::Failure(Failure {
            kind: FailureKind::Retryable,
            code: 0,
            message: "busy".into(),
            retry_after: None,
        })),
        false => Ok(forward(events)),
    });
    let calls = guest.calls.clone();
    let source = start(guest, &broker).await;
    let outcome = offer(&source, "a", "x").await.expect("an answer");
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    assert_eq!(*calls.lock(), [1, 1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_component_that_never_takes_events_is_called_again_for_seconds() {
    let broker = MemoryBroker::new();
    let guest = FakeSource::new(|_| Err(failure(FailureKind::Retryable)));
    let calls = guest.calls.clone();
    let source = start(guest, &broker).await;
    let begun = Instant::now();
    let outcome = offer(&source, "a", "x").await.expect("an answer");
    assert!(matches!(outcome, Outcome::Unavailable { .. }), "{outcome:?}");
    // It asks for 3 s each time, and a second wait would be too long.
    assert_eq!((calls.lock().len(), begun.elapsed().as_secs()), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_at_once() {
    let broker = MemoryBroker::new();
    broker.open_gate(false);
    let limits = SourceLimits {
        queue_events_max: 2,
        ..SourceLimits::default()
    };
    let source = start_with(
        FakeSource::new(|events| Ok(forward(events))),
        &broker,
        limits,
        HashMap::new(),
    )
    .await;
    let waiting = [offer(&source, "a", "x"), offer(&source, "b", "x")];
    tokio::time::sleep(Duration::from_millis(1)).await;
    let refused = offer(&source, "c", "x").await.expect("an answer");
    assert!(matches!(refused, Outcome::Unavailable { message, .. } if message.contains("full")));
    broker.open_gate(true);
    for answer in waiting {
        assert!(matches!(answer.await.expect("an answer"), Outcome::Accepted { .. }));
    }
}

#[tokio::test(start_paused = true)]
async fn draining_answers_what_was_taken_in_and_refuses_the_rest() {
    let broker = MemoryBroker::new();
    broker.open_gate(false);
    let source = start(FakeSource::new(|events| Ok(forward(events))), &broker).await;
    let taken = offer(&source, "a", "x");
    tokio::time::sleep(Duration::from_millis(1)).await;
    let draining = tokio::spawn({
        let source = source.clone();
        async move { source.drain(Instant::now() + Duration::from_secs(30)).await }
    });
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(matches!(
        offer(&source, "b", "x").await.expect("an answer"),
        Outcome::Unavailable { .. }
    ));
    broker.open_gate(true);
    draining.await.expect("drained");
    assert!(matches!(taken.await.expect("an answer"), Outcome::Accepted { .. }));
    assert_eq!(broker.published().len(), 1);
}
