//! Publishes an operator's records to a topic, checked by its schema as those of sources are.

use std::sync::Arc;

use bytes::Bytes;
use danube_wasm_broker::{Broker, ErrorKind, Outgoing, SchemaRef, TopicSpec};
use danube_wasm_config::Pipeline;
use danube_wasm_model::{
    ConnectorId, RecordId, TopicName,
    door::Violation,
    identity::{ORDER_ATTRIBUTE, is_event_id},
};
use danube_wasm_schema::{Validator, limits::PAYLOAD, strict};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Failure, launcher::Services, settings};

/// The producer and the scope of its ids, beside the names of connectors.
const PRODUCER: &str = "produce";

/// Records for a topic.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProduceRequest {
    /// The topic, without a partition.
    pub topic: String,
    /// The records, in order.
    pub records: Vec<ProducedRecord>,
}

/// A record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProducedRecord {
    /// The event's id: a record with the same one is the same record.
    pub id: String,
    /// Its key.
    pub key: Option<String>,
    /// Its payload, as a sender would send it.
    pub payload: String,
}

/// Publishes, and returns a value for each record: its id, or why it is refused.
pub(crate) async fn publish(
    services: &Services,
    pipeline: &Pipeline,
    request: ProduceRequest,
) -> Result<Vec<Value>, Failure> {
    let topic: TopicName =
        (request.topic.parse()).map_err(|e| Failure::usage(format!("`{}` is not a topic: {e}", request.topic)))?;
    let validator = match pipeline.schema_of(&topic) {
        None => None,
        Some(schema) => {
            let declared = services.schemas.declare(settings::declaration(schema)?).await;
            Some(declared.map_err(Failure::usage)?)
        }
    };
    let broker = services.brokers.main();
    ensure_topic(&**broker, pipeline, &topic, validator.as_deref()).await?;
    let scope = ConnectorId::try_new(&pipeline.name, PRODUCER).map_err(Failure::internal)?;
    let mut values = Vec::with_capacity(request.records.len());
    let (mut groups, mut places) = (Vec::new(), Vec::new());
    for (place, record) in request.records.into_iter().enumerate() {
        match outgoing(&scope, &topic, validator.as_ref(), record) {
            Ok(mut record) => {
                values.push(json!({ "id": record.id.as_str() }));
                let order = services.brokers.clock().next();
                record.attributes.push((ORDER_ATTRIBUTE.to_owned(), order.to_string()));
                groups.push(vec![record]);
                places.push(place);
            }
            Err(error) => values.push(json!({ "error": error })),
        }
    }
    let publisher = broker.publisher(scope.as_str()).await.map_err(Failure::from)?;
    let results = publisher.publish(groups).await;
    for (place, result) in places.into_iter().zip(results) {
        match result {
            Ok(published) => values[place]["durable"] = json!(published.durable),
            Err(error) => values[place] = json!({ "error": error.to_string() }),
        }
    }
    Ok(values)
}

fn outgoing(
    scope: &ConnectorId,
    topic: &TopicName,
    validator: Option<&Arc<Validator>>,
    record: ProducedRecord,
) -> Result<Outgoing, String> {
    if !is_event_id(&record.id) {
        return Err(format!("`{}` is not an id: 1 to 256 printable characters", record.id));
    }
    let (payload, schema) = encode(record.payload.into(), validator)?;
    Ok(Outgoing {
        topic: topic.clone(),
        key: record.key.map(Bytes::from),
        payload,
        attributes: Vec::new(),
        id: RecordId::derive(scope, PRODUCER, &record.id, 0),
        schema,
    })
}

/// As a source's records are: by the schema, or, without one, as JSON that every later reader can read back.
fn encode(payload: Bytes, validator: Option<&Arc<Validator>>) -> Result<(Bytes, Option<SchemaRef>), String> {
    let Some(validator) = validator else {
        strict::within(&payload, PAYLOAD).map_err(|violation| broken("the limits of JSON", &[violation]))?;
        return Ok((payload, None));
    };
    match validator.encode(payload) {
        Ok(payload) => Ok((payload, Some(validator.reference()))),
        Err(violations) => Err(broken(&format!("schema `{}`", validator.subject()), &violations)),
    }
}

fn broken(rule: &str, violations: &[Violation]) -> String {
    let each = violations.iter().map(|violation| match violation.path.as_str() {
        "" => violation.message.clone(),
        path => format!("{path}: {}", violation.message),
    });
    format!("it breaks {rule}: {}", each.collect::<Vec<_>>().join("; "))
}

/// Creates the topic as the pipeline's source would, unless it is there.
async fn ensure_topic(
    broker: &dyn Broker,
    pipeline: &Pipeline,
    topic: &TopicName,
    validator: Option<&Validator>,
) -> Result<(), Failure> {
    let route = pipeline.routes().find(|route| route.topic == *topic);
    let spec = TopicSpec {
        partitions: route.as_ref().map_or(0, |route| route.partitions),
        reliable_dispatch: route.as_ref().is_none_or(|route| route.reliable_dispatch),
        ordered: route.as_ref().is_some_and(|route| route.ordered),
        schema_subject: validator.map(|validator| validator.subject().to_owned()),
    };
    match broker.create_topic(topic, spec).await {
        // It is there with other properties, as another pipeline made it.
        Err(error) if error.kind == ErrorKind::Conflict => Ok(()),
        created => created.map_err(Failure::from),
    }
}
