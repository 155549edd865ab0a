//! A source's batch: what the simple form, errors, ids, origins and answers become.

use danube_connector::{
    Column, Config, Error, Event, Events, ProducerConfig, RecordBuilder, Records, Reply, Result, SourceConnector,
    SourceRecord,
    testing::{Incoming, Polled, SourceHarness},
};
use serde_json::{Value, json};

/// Does what each event's payload says.
struct Obedient;

impl SourceConnector for Obedient {
    fn initialize(_: Config) -> Result<Self> {
        Ok(Self)
    }

    fn producer_configs(&self) -> Result<Vec<ProducerConfig>> {
        Ok(vec![ProducerConfig::new("/n/t").with_partitions(2)])
    }

    fn event<'a>(&'a mut self, event: Event<'a>) -> Result<Records<'a>> {
        let forward = SourceRecord::forward("/n/t", event);
        Ok(match event.text()? {
            "forward" => forward.into(),
            "new" => SourceRecord::new("/n/u", &json!({ "a": 1 })).into(),
            "text" => SourceRecord::from_string("/n/t", "x\"y").into(),
            "number" => SourceRecord::from_number("/n/t", 4.5)?.into(),
            "infinity" => SourceRecord::from_number("/n/t", f64::INFINITY)?.into(),
            "part" => SourceRecord::from_bytes("/n/t", &event.payload()[1..3]).into(),
            "drop" => Records::NONE,
            "maybe" => None.into(),
            "three" => vec![forward.clone(), SourceRecord::new("/n/u", &json!(2)), forward].into(),
            "dressed" => forward
                .with_id("evt_1")
                .with_key("k")
                .with_attribute("a", "1")
                .with_attributes([("b", "2")])
                .into(),
            "empty-id" => forward.with_id("").into(),
            "control-id" => forward.with_id("a\nb").into(),
            "longest-id" => forward.with_id("x".repeat(256)).into(),
            "long-id" => forward.with_id("x".repeat(257)).into(),
            "answer" => Reply::text(201, "yes")?.into(),
            "both" => Records::from(forward).with_reply(Reply::json(200, &json!({ "ok": true }))?),
            "busy" => return Err(Error::retryable("busy").with_code(3)),
            other => return Err(Error::invalid_data(format!("`{other}` is no order"))),
        })
    }
}

fn poll(orders: &[&str]) -> Result<Polled> {
    let events: Vec<_> = orders.iter().map(|order| Incoming::new("/in", *order)).collect();
    SourceHarness::<Obedient>::new("{}")?.poll(&events)
}

#[test]
fn payloads_are_spelled_as_json_or_passed_on() {
    let polled = poll(&["forward", "new", "text", "number", "part"]).expect("obeyed");
    let records: Vec<_> = polled
        .records
        .iter()
        .map(|r| {
            (
                r.topic.as_str(),
                std::str::from_utf8(&r.payload).expect("text"),
                r.forwarded,
            )
        })
        .collect();
    assert_eq!(
        records,
        [
            ("/n/t", "forward", true),
            ("/n/u", r#"{"a":1}"#, false),
            ("/n/t", r#""x\"y""#, false),
            ("/n/t", "4.5", false),
            ("/n/t", "ar", false),
        ]
    );
}

#[test]
fn one_event_may_become_none_one_or_many() {
    let polled = poll(&["drop", "three", "forward", "maybe"]).expect("obeyed");
    let origins: Vec<_> = polled.records.iter().map(|r| r.origins.clone()).collect();
    assert_eq!(origins, [vec![1], vec![1], vec![1], vec![2]]);
    assert_eq!(polled.records[3].payload, b"forward");
    assert!(polled.refused.is_empty());
}

#[test]
fn a_batch_that_is_dropped_whole_is_empty() {
    let polled = poll(&["drop", "drop"]).expect("obeyed");
    assert!(polled.records.is_empty() && polled.refused.is_empty());
    assert!(poll(&[]).expect("obeyed").records.is_empty());
}

#[test]
fn ids_keys_and_attributes_stay_with_their_record() {
    let polled = poll(&["forward", "dressed", "forward"]).expect("obeyed");
    let ids: Vec<_> = polled.records.iter().map(|r| r.id.as_deref()).collect();
    assert_eq!(ids, [None, Some("evt_1"), None]);
    let keys: Vec<_> = polled.records.iter().map(|r| r.key.as_deref()).collect();
    assert_eq!(keys, [None, Some("k"), None]);
    assert_eq!(polled.records[1].attribute("b"), Some("2"));
    assert!(polled.records[0].attributes.is_empty() && polled.records[2].attributes.is_empty());
}

#[test]
fn invalid_data_refuses_one_event_and_no_other() {
    let polled = poll(&["forward", "nonsense", "infinity", "forward"]).expect("the batch goes on");
    assert_eq!(polled.records.len(), 2);
    let refused: Vec<_> = polled.refused.iter().map(|r| (r.origin, r.message.as_str())).collect();
    assert_eq!(
        refused,
        [(1, "`nonsense` is no order"), (2, "null is not a number of JSON")]
    );
}

#[test]
fn an_id_that_the_host_would_not_take_refuses_its_event() {
    let polled = poll(&["empty-id", "control-id", "longest-id", "long-id", "forward"]).expect("the batch goes on");
    assert_eq!(polled.refused.iter().map(|r| r.origin).collect::<Vec<_>>(), [0, 1, 3]);
    assert_eq!(polled.records.iter().map(|r| r.origins[0]).collect::<Vec<_>>(), [2, 4]);
}

#[test]
fn any_other_error_fails_the_batch() {
    let error = poll(&["forward", "busy"]).expect_err("busy");
    assert_eq!(error, Error::retryable("busy").with_code(3));
}

#[test]
fn answers_go_to_their_callers_with_and_without_records() {
    let polled = poll(&["forward", "answer", "both"]).expect("obeyed");
    let answers: Vec<_> = polled.answers.iter().map(|a| (a.origin, a.status, &*a.body)).collect();
    assert_eq!(answers, [(1, 201, &b"yes"[..]), (2, 200, br#"{"ok":true}"#)]);
    assert_eq!(polled.records.len(), 2);
}

#[test]
fn an_answer_that_the_host_would_not_take_is_invalid() {
    assert!(Reply::text(199, "").is_err() && Reply::text(500, "").is_err());
    assert!(Reply::text(200, "").is_ok() && Reply::text(499, "").is_ok());
    assert!(Reply::try_new(200, "text/plain\r\nx: y", "").is_err());
    assert!(Reply::try_new(200, "x".repeat(257), "").is_err());
    assert!(Reply::try_new(200, "x", vec![0; 64 << 10]).is_ok());
    assert!(Reply::try_new(200, "x", vec![0; (64 << 10) + 1]).is_err());
}

/// Tells all it can see of an event.
struct Telltale;

impl SourceConnector for Telltale {
    fn initialize(config: Config) -> Result<Self> {
        assert_eq!(config.connector(), "under-test");
        Ok(Self)
    }

    fn producer_configs(&self) -> Result<Vec<ProducerConfig>> {
        Ok(Vec::new())
    }

    fn event<'a>(&'a mut self, event: Event<'a>) -> Result<Records<'a>> {
        let told = json!({
            "endpoint": event.endpoint(), "id": event.id(), "key": event.key(), "type": event.content_type(),
            "received": event.received(), "method": event.attribute("method"), "agent": event.header("user-agent"),
            "none": event.header("x"), "attributes": event.attributes().count(), "headers": event.headers().count(),
        });
        Ok(SourceRecord::from_json("/n/t", &told)?.into())
    }
}

fn full() -> Incoming {
    Incoming {
        endpoint: "/in".into(),
        payload: b"{}".into(),
        id: "e1".into(),
        key: b"k".into(),
        content_type: "application/json".into(),
        received: 7,
        attributes: vec![("method".into(), "POST".into()), ("query".into(), "a=b".into())],
        headers: vec![("user-agent".into(), "curl".into())],
    }
}

#[test]
fn an_event_shows_everything() {
    let mut source = SourceHarness::<Telltale>::new("{}").expect("initialized");
    let polled = source.poll(&[Incoming::new("/other", ""), full()]).expect("told");
    let told: Value = serde_json::from_slice(&polled.records[1].payload).expect("JSON");
    assert_eq!(
        told,
        json!({
            "endpoint": "/in", "id": "e1", "key": [107], "type": "application/json", "received": 7,
            "method": "POST", "agent": "curl", "none": null, "attributes": 2, "headers": 1,
        })
    );
}

/// Sees whole batches, and wants ids only.
struct Whole;

impl SourceConnector for Whole {
    fn initialize(_: Config) -> Result<Self> {
        Ok(Self)
    }

    fn producer_configs(&self) -> Result<Vec<ProducerConfig>> {
        Ok(Vec::new())
    }

    fn wants(&self) -> Vec<Column> {
        vec![Column::Ids]
    }

    fn poll(&mut self, events: Events<'_>, records: &mut RecordBuilder) -> Result<()> {
        let ids: Vec<_> = events.iter().map(|event| event.id()).collect();
        records.push_from(events, SourceRecord::from_json("/n/t", &ids)?)?;
        for event in events {
            if event.header("user-agent").is_some() {
                records.reject(event, "headers were not wanted");
            } else if event.payload().is_empty() {
                records.reject_unsupported(event, "empty");
                records.reply(event, Reply::text(200, "first")?);
                records.reply(event, Reply::text(200, "second")?);
            }
        }
        Ok(())
    }
}

#[test]
fn many_events_may_become_one_record() {
    let mut source = SourceHarness::<Whole>::new("{}").expect("initialized");
    let polled = source.poll(&[full(), full(), Incoming::new("/in", "")]).expect("done");
    assert_eq!(polled.records[0].payload, br#"["e1","e1",""]"#);
    assert_eq!(polled.records[0].origins, [0, 1, 2]);
    assert_eq!(polled.refused.len(), 1);
    assert!(polled.refused[0].unsupported && polled.refused[0].origin == 2);
    assert_eq!(polled.answers.len(), 1);
    assert_eq!(polled.answers[0].body, b"second");
}

#[test]
fn a_record_from_nowhere_is_a_fault_of_the_connector() {
    let mut source = SourceHarness::<Whole>::new("{}").expect("initialized");
    assert!(matches!(source.poll(&[]), Err(Error::Fatal { .. })));
}

/// Implements neither form.
struct Idle;

impl SourceConnector for Idle {
    fn initialize(config: Config) -> Result<Self> {
        config.settings::<danube_connector::SourceSettings>().map(|_| Self)
    }

    fn producer_configs(&self) -> Result<Vec<ProducerConfig>> {
        Ok(Vec::new())
    }
}

#[test]
fn a_connector_without_a_method_says_so() {
    let mut source = SourceHarness::<Idle>::new("{}").expect("initialized");
    assert!(matches!(source.poll(&[full()]), Err(Error::Fatal { .. })));
}

#[test]
fn settings_that_do_not_fit_keep_it_from_starting() {
    let Err(error) = SourceHarness::<Idle>::new("[") else {
        panic!("not JSON")
    };
    assert!(matches!(error, Error::Configuration { .. }));
}
