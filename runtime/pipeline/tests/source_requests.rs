//! Requests of several events against fakes, in virtual time: all or nothing, and one answer.

mod fakes;

use std::{collections::HashMap, sync::Arc, time::Duration};

use danube_wasm_broker::ErrorKind;
use danube_wasm_model::{
    clock::OrderClock,
    columns::{Rejection, RejectionKind},
    door::{GuestError, Intake, OnRefusal, Outcome},
    event::{Event, EventBatch, EventRefusal, RecordBatch},
};
use danube_wasm_pipeline::{Instruments, OnInvalid, RetryPolicy, Source, SourceLimits, SourceParts};
use fakes::{FakeSource, MemoryBroker, event, forward, trap};
use tokio::{task::JoinHandle, time::Instant};

fn parts(guest: FakeSource, broker: &MemoryBroker) -> SourceParts {
    SourceParts {
        guest: Arc::new(guest),
        broker: Arc::new(broker.clone()),
        ordered: Default::default(),
        validators: HashMap::new(),
        limits: SourceLimits::default(),
        on_invalid: HashMap::new(),
        on_failure: HashMap::new(),
        retry_policy: RetryPolicy::default(),
        clock: OrderClock::system(),
        instruments: Instruments::default(),
    }
}

async fn start(guest: FakeSource, broker: &MemoryBroker) -> Arc<Source> {
    Source::start(parts(guest, broker)).await.expect("a source")
}

/// A component on so many lanes that refuses events of which the id begins with `bad`, traps on those with `trap`, and makes
/// nothing of those with `none`.
fn guest(lanes: usize) -> FakeSource {
    let mut guest = FakeSource::new(|events: &EventBatch| {
        let places = |prefix: &str| -> Vec<u32> {
            let ids = (0..events.len()).filter(|i| events.ids.text(*i).starts_with(prefix));
            ids.map(|i| i as u32).collect()
        };
        if !places("trap").is_empty() {
            return Err(trap());
        }
        let left_out = places("none");
        let mut records = RecordBatch::default();
        for place in (0..events.len() as u32).filter(|place| !left_out.contains(place)) {
            records.topics.push("/test/out");
            records.payloads.push_input(place);
            records.origins.push(&[place]);
        }
        let rejected = places("bad").into_iter().map(|origin| Rejection {
            origin,
            kind: RejectionKind::InvalidData,
            message: "is bad".into(),
        });
        records.rejected.extend(rejected);
        Ok(records)
    });
    guest.lanes = lanes;
    guest
}

fn request(ids: &[&str]) -> Vec<Event> {
    ids.iter().map(|id| event(id, "{}")).collect()
}

fn offer(source: &Arc<Source>, ids: &[&str], on_refusal: OnRefusal) -> JoinHandle<Vec<Outcome>> {
    let (source, events) = (source.clone(), request(ids));
    tokio::spawn(async move { source.offer_all(events, on_refusal).await })
}

/// Each outcome in a word, and how many records were made of it.
fn words(outcomes: &[Outcome]) -> Vec<String> {
    let word = |outcome: &Outcome| match outcome {
        Outcome::Accepted {
            id, records, durable, ..
        } => format!("accepted {id} {records} {durable}"),
        Outcome::Invalid { .. } => "invalid".to_owned(),
        Outcome::DeadLettered { id, .. } => format!("dead letter {id}"),
        Outcome::Failed { kept, .. } => format!("failed {kept}"),
        Outcome::Unavailable { .. } => "unavailable".to_owned(),
    };
    outcomes.iter().map(word).collect()
}

/// Ids of the records that are not dead letters, in order.
fn published(broker: &MemoryBroker) -> Vec<String> {
    let records = broker.published().into_iter();
    let records = records.filter(|record| !record.topic.is_for_dead_letters());
    records
        .map(|record| record.id.as_str().replace("test/source/in:", "").replace(".0", ""))
        .collect()
}

async fn a_while() {
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_is_published_at_once_in_its_order_whatever_lanes_it_came_through() {
    let broker = MemoryBroker::new();
    let source = start(guest(3), &broker).await;
    let outcomes = source.offer_all(request(&["a", "b", "none", "c", "d"]), OnRefusal::RefuseAll);
    let accepted = ["a", "b", "none", "c", "d"].map(|id| format!("accepted {id} {} true", u32::from(id != "none")));
    assert_eq!(words(&outcomes.await), accepted);
    assert_eq!(published(&broker), ["a", "b", "c", "d"]);
    assert_eq!(broker.commits(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_without_events_is_answered() {
    let broker = MemoryBroker::new();
    let source = start(guest(1), &broker).await;
    assert_eq!(source.offer_all(Vec::new(), OnRefusal::KeepOthers).await, []);
    let outcomes = source
        .offer_all(request(&["none1", "none2"]), OnRefusal::KeepOthers)
        .await;
    assert_eq!(words(&outcomes), ["accepted none1 0 true", "accepted none2 0 true"]);
    assert_eq!(broker.commits(), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_answered_before_everything_is_durable() {
    let broker = MemoryBroker::new();
    broker.open_gate(false);
    let source = start(guest(2), &broker).await;
    let answer = offer(&source, &["a", "none", "bad"], OnRefusal::KeepOthers);
    a_while().await;
    assert!(!answer.is_finished(), "answered before the commit");
    broker.open_gate(true);
    let outcomes = answer.await.expect("an answer");
    assert_eq!(
        words(&outcomes),
        ["accepted a 1 true", "accepted none 0 true", "invalid"]
    );
}

/// Of 16 places a request takes one for each of its events, and at most four.
#[tokio::test(start_paused = true)]
async fn when_there_is_no_room_for_all_none_is_taken() {
    let broker = MemoryBroker::new();
    broker.open_gate(false);
    let mut parts = parts(guest(1), &broker);
    parts.limits.queue_events_max = 16;
    let source = Source::start(parts).await.expect("a source");
    let ids: Vec<_> = (0..40).map(|i| format!("large{i}")).collect();
    let large = offer(
        &source,
        &ids.iter().map(String::as_str).collect::<Vec<_>>(),
        OnRefusal::RefuseAll,
    );
    let small: Vec<_> = ["a", "b", "c"]
        .map(|id| offer(&source, &[id, "x", "y"], OnRefusal::RefuseAll))
        .into();
    a_while().await;
    let refused = source
        .offer_all(request(&["no", "room", "for", "four"]), OnRefusal::KeepOthers)
        .await;
    assert_eq!(words(&refused), ["unavailable"; 4]);
    let three = offer(&source, &["d", "e", "f"], OnRefusal::KeepOthers);
    a_while().await;
    broker.open_gate(true);
    for answer in small.into_iter().chain([three, large]) {
        let outcomes = answer.await.expect("an answer");
        assert!(
            outcomes
                .iter()
                .all(|outcome| matches!(outcome, Outcome::Accepted { .. })),
            "{outcomes:?}"
        );
    }
    assert_eq!(published(&broker).len(), 40 + 9 + 3);
    assert!(!published(&broker).contains(&"room".to_owned()));
    let again = source
        .offer_all(request(&["no", "room", "for", "four"]), OnRefusal::KeepOthers)
        .await;
    assert!(
        words(&again).iter().all(|word| word.starts_with("accepted")),
        "the places are free again"
    );
}

#[tokio::test(start_paused = true)]
async fn of_a_request_with_a_refused_event_the_others_are_published_or_nothing_is() {
    let broker = MemoryBroker::new();
    let source = start(guest(2), &broker).await;
    let ids = ["a", "bad", "b"];
    let kept = source.offer_all(request(&ids), OnRefusal::KeepOthers).await;
    assert_eq!(words(&kept), ["accepted a 1 true", "invalid", "accepted b 1 true"]);
    let refused = source
        .offer_all(request(&["c", "bad", "d"]), OnRefusal::RefuseAll)
        .await;
    assert_eq!(words(&refused), ["unavailable", "invalid", "unavailable"]);
    assert_eq!(published(&broker), ["a", "b"]);
    assert_eq!(broker.published().len(), 2, "no dead letter");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_becomes_a_dead_letter_keeps_no_other_from_being_published() {
    let broker = MemoryBroker::new();
    let mut parts = parts(guest(2), &broker);
    parts.on_invalid = HashMap::from([("/in".to_owned(), OnInvalid::DeadLetter)]);
    let source = Source::start(parts).await.expect("a source");
    let outcomes = source
        .offer_all(request(&["a", "bad", "b"]), OnRefusal::RefuseAll)
        .await;
    assert_eq!(
        words(&outcomes),
        ["accepted a 1 true", "dead letter bad", "accepted b 1 true"]
    );
    assert_eq!(published(&broker), ["a", "b"]);
    assert_eq!(broker.published().len(), 3);
}

/// The ingress says so of a line that is no JSON, for example.
#[tokio::test(start_paused = true)]
async fn an_event_that_its_ingress_cannot_read_is_a_dead_letter_beside_the_others() {
    let broker = MemoryBroker::new();
    let guest = guest(1);
    let calls = guest.calls.clone();
    let mut parts = parts(guest, &broker);
    parts.on_invalid = HashMap::from([("/in".to_owned(), OnInvalid::DeadLetter)]);
    let source = Source::start(parts).await.expect("a source");
    let mut events = request(&["a", "unreadable", "b"]);
    events[1].refusal = Some(Box::new(EventRefusal {
        error: "the event is not JSON".to_owned(),
        has_payload: true,
    }));
    let outcomes = source.offer_all(events, OnRefusal::RefuseAll).await;
    assert_eq!(
        words(&outcomes),
        ["accepted a 1 true", "dead letter unreadable", "accepted b 1 true"]
    );
    assert_eq!(
        (published(&broker), calls.lock().clone()),
        (vec!["a".to_owned(), "b".to_owned()], vec![2])
    );
    let letters = broker
        .published()
        .into_iter()
        .filter(|record| record.topic.is_for_dead_letters());
    let whys: Vec<_> = letters
        .flat_map(|letter| letter.attributes)
        .filter(|(name, _)| name == "dlq.message")
        .collect();
    assert_eq!(whys, [("dlq.message".to_owned(), "the event is not JSON".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn an_event_on_which_the_component_crashes_is_found_among_the_others_of_its_request() {
    let broker = MemoryBroker::new();
    let source = start(guest(1), &broker).await;
    let kept = source
        .offer_all(request(&["a", "trap", "b"]), OnRefusal::KeepOthers)
        .await;
    assert_eq!(words(&kept), ["accepted a 1 true", "failed true", "accepted b 1 true"]);
    let refused = source
        .offer_all(request(&["c", "trap2", "d"]), OnRefusal::RefuseAll)
        .await;
    assert_eq!(words(&refused), ["unavailable", "failed true", "unavailable"]);
    assert_eq!(published(&broker), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_fails_gets_nothing_of_it_and_all_of_it_at_the_next_try() {
    let broker = MemoryBroker::new();
    let source = start(guest(2), &broker).await;
    let ids = ["a", "bad", "none", "b"];
    // One record of it would be enough for the broker to fail.
    broker.fail_records_with(Some(("b.0", ErrorKind::Unavailable)));
    let outcomes = source.offer_all(request(&ids), OnRefusal::KeepOthers).await;
    assert_eq!(
        words(&outcomes),
        ["unavailable", "invalid", "unavailable", "unavailable"]
    );
    assert_eq!(published(&broker), [""; 0]);
    broker.fail_records_with(None);
    let again = async {
        loop {
            let outcomes = source.offer_all(request(&ids), OnRefusal::KeepOthers).await;
            // Its circuit breaker may be open for some seconds.
            if !words(&outcomes).contains(&"unavailable".to_owned()) {
                return outcomes;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let outcomes = tokio::time::timeout(Duration::from_secs(600), again)
        .await
        .expect("it recovers");
    assert_eq!(
        words(&outcomes),
        [
            "accepted a 1 true",
            "invalid",
            "accepted none 0 true",
            "accepted b 1 true"
        ]
    );
    assert_eq!(published(&broker), ["a", "b"]);
}

fn errors(outcomes: &[Outcome]) -> Vec<&str> {
    let errors = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Invalid { error, .. } => Some(error.as_str()),
        Outcome::Unavailable { message, .. } | Outcome::Failed { message, .. } => Some(message.as_str()),
        Outcome::Accepted { .. } | Outcome::DeadLettered { .. } => None,
    });
    errors.collect()
}

#[tokio::test(start_paused = true)]
async fn only_the_events_of_records_over_the_brokers_limit_are_blamed_for_that() {
    let broker = MemoryBroker::new();
    let source = start(guest(2), &broker).await;
    broker.fail_records_with(Some(("huge", ErrorKind::TooLarge)));
    broker.know_sizes();
    let ids = ["c", "huge1", "d", "huge2", "none"];
    let refused = source.offer_all(request(&ids), OnRefusal::RefuseAll).await;
    assert_eq!(
        words(&refused),
        ["unavailable", "invalid", "unavailable", "invalid", "unavailable"]
    );
    let withheld = "another event of its request is refused";
    let too_large = |id: &str| format!("record test/source/in:{id}.0 is over the limit of 9 bytes");
    let (first, second) = (too_large("huge1"), too_large("huge2"));
    assert_eq!(errors(&refused), [withheld, &first, withheld, &second, withheld]);
    assert_eq!(published(&broker), [""; 0]);

    let before = broker.commits();
    let kept = source.offer_all(request(&ids), OnRefusal::KeepOthers).await;
    assert_eq!(
        words(&kept),
        [
            "accepted c 1 true",
            "invalid",
            "accepted d 1 true",
            "invalid",
            "accepted none 0 true"
        ]
    );
    assert_eq!(published(&broker), ["c", "d"]);
    assert_eq!(
        broker.commits() - before,
        2,
        "the others at once, after all of it was refused"
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_too_large_for_its_topic_can_be_a_dead_letter_beside_the_others() {
    let broker = MemoryBroker::new();
    let mut parts = parts(guest(1), &broker);
    parts.on_invalid = HashMap::from([("/in".to_owned(), OnInvalid::DeadLetter)]);
    let source = Source::start(parts).await.expect("a source");
    broker.fail_records_with(Some(("huge", ErrorKind::TooLarge)));
    broker.know_sizes();
    let outcomes = source
        .offer_all(request(&["a", "huge", "b"]), OnRefusal::RefuseAll)
        .await;
    assert_eq!(
        words(&outcomes),
        ["accepted a 1 true", "dead letter huge", "accepted b 1 true"]
    );
    assert_eq!(published(&broker), ["a", "b"]);
}

/// The broker refuses the request as a whole, and does not say for which record.
#[tokio::test(start_paused = true)]
async fn where_only_the_broker_knows_what_is_too_large_no_event_of_a_refused_request_is_taken() {
    let broker = MemoryBroker::new();
    let source = start(guest(2), &broker).await;
    broker.fail_records_with(Some(("huge", ErrorKind::TooLarge)));
    let kept = source
        .offer_all(request(&["a", "huge", "b"]), OnRefusal::KeepOthers)
        .await;
    assert_eq!(words(&kept), ["accepted a 1 true", "invalid", "accepted b 1 true"]);
    let refused = source
        .offer_all(request(&["c", "huge", "d"]), OnRefusal::RefuseAll)
        .await;
    assert_eq!(words(&refused), ["invalid"; 3]);
    assert_eq!(published(&broker), ["a", "b"]);
}

/// A source of which the circuit opens after so many crashes in a row, with room for so many dead letters.
async fn impatient(broker: &MemoryBroker, failures_max: u32, dead_letters: usize) -> Arc<Source> {
    let mut parts = parts(guest(3), broker);
    parts.limits.batch_events_max = 16;
    parts.retry_policy.component.failures_max = failures_max;
    parts.retry_policy.dead_letters.count = dead_letters.try_into().expect("not zero");
    Source::start(parts).await.expect("a source")
}

/// Its crashes open the circuit again and again, and yet it is answered, by one try.
#[tokio::test(start_paused = true)]
async fn a_request_of_events_that_the_component_crashes_on_is_brought_to_its_end() {
    let broker = MemoryBroker::new();
    let source = impatient(&broker, 2, 1000).await;
    let mut ids: Vec<_> = (0..60).map(|i| format!("trap{i}")).collect();
    ids.extend((0..60).map(|i| format!("good{i}")));
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let outcomes = source.offer_all(request(&ids), OnRefusal::KeepOthers).await;
    let word = |id: &&str| match id.starts_with("trap") {
        true => "failed true".to_owned(),
        false => format!("accepted {id} 1 true"),
    };
    assert_eq!(words(&outcomes), ids.iter().map(word).collect::<Vec<_>>());
    assert_eq!(published(&broker), ids[60..]);
}

#[tokio::test(start_paused = true)]
async fn a_request_with_more_dead_letters_than_are_allowed_at_once_is_answered() {
    let broker = MemoryBroker::new();
    let source = impatient(&broker, 20, 4).await;
    let ids = ["trap1", "a", "trap2", "trap3", "trap4", "trap5", "trap6", "b"];
    let outcomes = source.offer_all(request(&ids), OnRefusal::KeepOthers).await;
    assert_eq!(published(&broker), ["a", "b"]);
    assert_eq!(words(&outcomes).iter().filter(|word| *word == "failed true").count(), 6);
    let next = source.offer_all(request(&["trap7", "c"]), OnRefusal::KeepOthers).await;
    assert_eq!(words(&next), ["unavailable"; 2], "no more are allowed for now");
}

/// Halving the batch crashes five times in a row until the one event is found.
#[tokio::test(start_paused = true)]
async fn finding_the_event_that_a_component_crashes_on_does_not_open_the_circuit() {
    let broker = MemoryBroker::new();
    let source = impatient(&broker, 3, 1000).await;
    let mut ids = vec!["trap"];
    ids.extend(["x"; 15]);
    let events = ids.iter().enumerate().map(|(i, id)| event(&format!("{id}{i}"), "{}"));
    // One lane: all in one call.
    let keyed = events.map(|event| Event {
        key: Some("k".into()),
        ..event
    });
    let (before, finding) = (Instant::now(), source.offer_all(keyed.collect(), OnRefusal::KeepOthers));
    let next = source.offer(event("next", "{}"));
    let (outcomes, next) = tokio::join!(finding, next);
    assert_eq!(words(&outcomes)[0], "failed true");
    assert!(words(&outcomes)[1..].iter().all(|word| word.starts_with("accepted")));
    assert_eq!(words(&[next]), ["accepted next 1 true"]);
    let after = source.offer(event("after", "{}")).await;
    assert_eq!(words(&[after]), ["accepted after 1 true"]);
    assert_eq!(before.elapsed(), Duration::ZERO, "nobody has waited");
}

#[tokio::test(start_paused = true)]
async fn a_component_that_crashes_on_everything_opens_the_circuit_all_the_same() {
    let broker = MemoryBroker::new();
    let source = impatient(&broker, 20, 1000).await;
    let ids: Vec<_> = (0..100).map(|i| format!("trap{i}")).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let first = source.offer_all(request(&ids), OnRefusal::KeepOthers).await;
    assert_eq!(words(&first), ["failed true"; 100]);
    let next = source.offer_all(request(&["a", "b"]), OnRefusal::KeepOthers).await;
    assert_eq!(
        errors(&next),
        ["connector test/source pauses: its component keeps crashing"; 2]
    );
}

/// One of the events that are published by themselves, where one is too large, meets a broker that is gone.
#[tokio::test(start_paused = true)]
async fn a_request_is_never_half_taken() {
    let broker = MemoryBroker::new();
    let failing = FakeSource::new(|events: &EventBatch| match events.ids.text(0) {
        "later" => Err(GuestError::Host {
            message: "no memory".to_owned(),
        }),
        _ => Ok(forward(events)),
    });
    let mut parts = parts(failing, &broker);
    parts.limits.batch_events_max = 1;
    let source = Source::start(parts).await.expect("a source");
    let outcomes = source
        .offer_all(request(&["a", "b", "later", "c"]), OnRefusal::KeepOthers)
        .await;
    assert_eq!(words(&outcomes), ["unavailable"; 4]);
    assert_eq!(published(&broker), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_request_of_more_events_than_a_call_takes_is_published_at_once_all_the_same() {
    let broker = MemoryBroker::new();
    let guest = guest(1);
    let calls = guest.calls.clone();
    let mut parts = parts(guest, &broker);
    parts.limits.batch_events_max = 4;
    let source = Source::start(parts).await.expect("a source");
    let ids: Vec<_> = (0..10).map(|i| format!("e{i}")).collect();
    let events = ids.iter().map(|id| event(id, "{}")).collect();
    let outcomes = source.offer_all(events, OnRefusal::RefuseAll).await;
    assert!(words(&outcomes).iter().all(|word| word.starts_with("accepted")));
    assert_eq!(*calls.lock(), [4, 4, 2]);
    assert_eq!((published(&broker), broker.commits()), (ids, 1));
}

/// Else two senders would share a fate, and an answer.
#[tokio::test(start_paused = true)]
async fn no_record_is_made_of_events_of_two_senders_when_one_has_sent_several() {
    let broker = MemoryBroker::new();
    let merging = FakeSource::new(|events: &EventBatch| {
        let mut records = RecordBatch::default();
        let all: Vec<_> = (0..events.len() as u32).collect();
        records.topics.push("/test/out");
        records.payloads.push_input(0);
        records.origins.push(&all);
        Ok(records)
    });
    let calls = merging.calls.clone();
    let source = start(merging, &broker).await;
    let single = |id: &str| {
        let (source, event) = (source.clone(), event(id, "{}"));
        tokio::spawn(async move { source.offer(event).await })
    };
    let before = [single("x"), single("y")];
    let requests = [
        offer(&source, &["a", "b", "c"], OnRefusal::KeepOthers),
        offer(&source, &["d", "e", "f", "g"], OnRefusal::KeepOthers),
    ];
    let after = [single("z")];
    for answer in requests {
        let outcomes = answer.await.expect("an answer");
        assert!(
            words(&outcomes).iter().all(|word| word.ends_with(" 1 true")),
            "{outcomes:?}"
        );
    }
    for answer in before.into_iter().chain(after) {
        assert!(matches!(answer.await.expect("an answer"), Outcome::Accepted { .. }));
    }
    let calls = calls.lock().clone();
    assert!(calls.contains(&3) && calls.contains(&4), "{calls:?}");
    assert_eq!(broker.published().len(), calls.len());
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_hangs_up_does_not_undo_its_request() {
    let broker = MemoryBroker::new();
    broker.open_gate(false);
    let source = start(guest(2), &broker).await;
    let answer = offer(&source, &["a", "b"], OnRefusal::RefuseAll);
    a_while().await;
    answer.abort();
    broker.open_gate(true);
    source.drain(Instant::now() + Duration::from_secs(10)).await;
    assert_eq!(published(&broker), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_finishes_the_requests_that_were_taken_and_takes_no_more() {
    let broker = MemoryBroker::new();
    broker.open_gate(false);
    let source = start(guest(2), &broker).await;
    let answer = offer(&source, &["a", "b"], OnRefusal::RefuseAll);
    a_while().await;
    let stopping = tokio::spawn({
        let source = source.clone();
        async move { source.drain(Instant::now() + Duration::from_secs(600)).await }
    });
    a_while().await;
    let late = source.offer_all(request(&["c", "d"]), OnRefusal::KeepOthers).await;
    assert_eq!(words(&late), ["unavailable"; 2]);
    assert!(!stopping.is_finished(), "it waits for the broker");
    broker.open_gate(true);
    let outcomes = answer.await.expect("an answer");
    assert_eq!(words(&outcomes), ["accepted a 1 true", "accepted b 1 true"]);
    stopping.await.expect("it stops");
    assert_eq!(published(&broker), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_of_a_stop_a_request_that_is_not_published_is_its_senders_again() {
    let broker = MemoryBroker::new();
    broker.open_gate(false);
    let source = start(guest(2), &broker).await;
    let answer = offer(&source, &["a", "bad", "b"], OnRefusal::KeepOthers);
    a_while().await;
    source.drain(Instant::now() + Duration::from_secs(10)).await;
    let outcomes = answer.await.expect("an answer");
    assert_eq!(words(&outcomes), ["unavailable"; 3]);
    assert_eq!(published(&broker), [""; 0]);
}

/// A lane that has not come to a request when the time is over has not settled it.
#[tokio::test(start_paused = true)]
async fn at_the_deadline_of_a_stop_a_request_that_the_component_has_not_seen_whole_is_not_published() {
    let broker = MemoryBroker::new();
    let retrying = FakeSource::new(|events: &EventBatch| match events.ids.text(0) {
        "slow" => Err(GuestError::Failure(danube_wasm_model::door::Failure {
            kind: danube_wasm_model::door::FailureKind::Retryable,
            code: 0,
            message: "not yet".to_owned(),
            retry_after: Some(Duration::from_secs(4)),
        })),
        _ => Ok(forward(events)),
    });
    let mut parts = parts(retrying, &broker);
    parts.limits.batch_events_max = 1;
    let source = Source::start(parts).await.expect("a source");
    let answer = offer(&source, &["a", "slow", "b"], OnRefusal::KeepOthers);
    tokio::time::sleep(Duration::from_secs(1)).await;
    source.drain(Instant::now() + Duration::from_secs(1)).await;
    let outcomes = answer.await.expect("an answer");
    assert_eq!(words(&outcomes), ["unavailable"; 3]);
    assert_eq!(published(&broker), [""; 0]);
}
