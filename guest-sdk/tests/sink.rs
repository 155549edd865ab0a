//! A sink's batch: what the simple form, operations, orders, ids, origins and errors become.

use danube_connector::{
    Batch, Config, ConsumerConfig, Error, Operation, Result, SchemaInfo, SinkConnector, SinkRecord, Write,
    WriteBuilder, Writes,
    testing::{Delivered, Processed, SinkHarness},
};
use serde_json::{Value, json};

/// Does what each message's payload says.
struct Obedient;

impl SinkConnector for Obedient {
    fn initialize(_: Config) -> Result<Self> {
        Ok(Self)
    }

    fn consumer_configs(&self) -> Result<Vec<ConsumerConfig>> {
        Ok(vec![ConsumerConfig::new("/n/t", "s")])
    }

    fn process<'a>(&'a mut self, record: SinkRecord<'a>) -> Result<Writes<'a>> {
        let document = json!({ "a": 1 });
        Ok(match record.text()? {
            "insert" => Write::insert("rows", &document)?.into(),
            "forward" => Write::forward("rows", record).into(),
            "forward-upsert" => Write::forward("rows", record)
                .with_operation(Operation::Upsert)
                .with_id("i")
                .into(),
            "upsert" => Write::upsert("rows", "i", &document)?.with_order(9).into(),
            "merge" => Write::merge("rows", "i", &document)?.into(),
            "delete" => Write::delete("rows", "i").with_order(10).into(),
            "drop" => Writes::NONE,
            "maybe" => None.into(),
            "two" => vec![Write::forward("a", record), Write::forward("b", record)].into(),
            "long-id" => Write::delete("rows", "x".repeat(513)).into(),
            "longest-id" => Write::delete("rows", "x".repeat(512)).into(),
            "empty-id" => Write::forward("rows", record).with_id("").into(),
            "fatal" => return Err(Error::fatal("over")),
            other => return Err(Error::invalid_data(format!("`{other}` is no order"))),
        })
    }
}

fn process(orders: &[&str]) -> Result<Processed> {
    let messages: Vec<_> = orders.iter().map(|order| Delivered::new("/n/t", *order)).collect();
    SinkHarness::<Obedient>::new("{}")?.process_batch(&messages)
}

#[test]
fn each_operation_crosses_with_its_id_and_order() {
    let processed = process(&["insert", "upsert", "merge", "delete", "forward"]).expect("obeyed");
    let writes: Vec<_> = processed
        .writes
        .iter()
        .map(|w| (w.operation, w.id.as_deref(), w.order, w.document()))
        .collect();
    let document = json!({ "a": 1 });
    assert_eq!(
        writes,
        [
            (Operation::Insert, None, 0, document.clone()),
            (Operation::Upsert, Some("i"), 9, document.clone()),
            (Operation::Merge, Some("i"), 0, document),
            (Operation::Delete, Some("i"), 10, Value::Null),
            (Operation::Insert, None, 0, Value::Null),
        ]
    );
    assert_eq!(processed.writes[4].payload, b"forward");
}

#[test]
fn a_message_may_become_none_one_or_many() {
    let processed = process(&["drop", "two", "forward-upsert", "maybe"]).expect("obeyed");
    let writes: Vec<_> = processed
        .writes
        .iter()
        .map(|w| (w.target.as_str(), w.origins.clone(), w.forwarded))
        .collect();
    assert_eq!(
        writes,
        [("a", vec![1], true), ("b", vec![1], true), ("rows", vec![2], true)]
    );
}

#[test]
fn invalid_data_refuses_one_message_and_no_other() {
    let processed = process(&["forward", "nonsense", "long-id", "empty-id", "longest-id"]).expect("the batch goes on");
    assert_eq!(
        processed.refused.iter().map(|r| r.origin).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(
        processed.writes.iter().map(|w| w.origins[0]).collect::<Vec<_>>(),
        [0, 4]
    );
}

#[test]
fn any_other_error_fails_the_batch() {
    assert_eq!(process(&["forward", "fatal"]).expect_err("over"), Error::fatal("over"));
}

/// Sees whole batches: sums, three messages a write.
struct Sums;

impl SinkConnector for Sums {
    fn initialize(_: Config) -> Result<Self> {
        Ok(Self)
    }

    fn consumer_configs(&self) -> Result<Vec<ConsumerConfig>> {
        Ok(Vec::new())
    }

    fn process_batch(&mut self, batch: Batch<'_>, writes: &mut WriteBuilder) -> Result<()> {
        let mut good = Vec::new();
        for record in batch {
            match record.as_type::<u64>() {
                Ok(number) => good.push((record, number)),
                Err(error) => writes.reject(record, error.to_string()),
            }
        }
        for three in good.chunks(3) {
            let sum: u64 = three.iter().map(|(_, number)| number).sum();
            let records = three.iter().map(|(record, _)| *record);
            writes.push_from(records, Write::insert("sums", &json!({ "sum": sum }))?)?;
        }
        Ok(())
    }
}

#[test]
fn many_messages_may_become_one_write() {
    let messages = ["1", "2", "x", "3", "4"].map(|n| Delivered::new("/n/t", n));
    let mut sink = SinkHarness::<Sums>::new("{}").expect("initialized");
    let processed = sink.process_batch(&messages).expect("summed");
    let writes: Vec<_> = processed
        .writes
        .iter()
        .map(|w| (w.document()["sum"].clone(), w.origins.clone()))
        .collect();
    assert_eq!(writes, [(json!(6), vec![0, 1, 3]), (json!(4), vec![4])]);
    assert_eq!(processed.refused[0].origin, 2);
}

/// Tells all it can see of a message.
struct Telltale;

impl SinkConnector for Telltale {
    fn initialize(_: Config) -> Result<Self> {
        Ok(Self)
    }

    fn consumer_configs(&self) -> Result<Vec<ConsumerConfig>> {
        Ok(Vec::new())
    }

    fn process<'a>(&'a mut self, record: SinkRecord<'a>) -> Result<Writes<'a>> {
        let schema = record
            .schema()
            .map(|SchemaInfo { subject, version }| (subject, version));
        let told = json!({
            "topic": record.topic(), "id": record.id(), "key": record.key(), "at": record.publish_time(),
            "producer": record.producer_name(), "schema": schema, "a": record.attribute("a"),
            "attributes": record.attributes().count(), "order": record.order(), "payload": record.payload()?,
        });
        Ok(Write::insert("told", &told)?.into())
    }
}

#[test]
fn a_message_shows_everything() {
    let message = Delivered {
        topic: "/n/t".into(),
        payload: b"[1]".into(),
        id: "r1".into(),
        key: b"k".into(),
        publish_time: 5,
        producer: "p".into(),
        schema: "payments@v1@3".into(),
        attributes: vec![("a".into(), "1".into())],
        order: 9,
    };
    let mut sink = SinkHarness::<Telltale>::new("{}").expect("initialized");
    let processed = sink
        .process_batch(&[message, Delivered::new("/n/u", "2")])
        .expect("told");
    assert_eq!(
        processed.writes[0].document(),
        json!({
            "topic": "/n/t", "id": "r1", "key": [107], "at": 5, "producer": "p", "schema": ["payments@v1", 3],
            "a": "1", "attributes": 1, "order": 9, "payload": [1],
        })
    );
    assert_eq!(processed.writes[1].document()["schema"], Value::Null);
}
