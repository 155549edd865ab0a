//! The messages of a topic as they come, for an operator who watches.
//!
//! Reads by a subscription of its own, which is deleted when the watcher goes: those of sinks stay where they are. A broker
//! on which nothing can be deleted from here is refused, because a subscription that is left behind keeps messages for
//! ever. What a process that was killed has left is deleted when the pipeline starts again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use danube_wasm_broker::{Admin, Broker, BrokerError, Consumer, ConsumerOptions, Message, StartAt};
use danube_wasm_model::{SubscriptionType, TopicName, clock::now_ms};
use danube_wasm_schema::Schemas;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use crate::{Failure, dead_letters::readable};

/// How the names of its subscriptions begin.
const PREFIX: &str = "danube-wasm-tail-";
/// Messages that are read and not given to the watcher.
const MESSAGES_WAITING_MAX: usize = 64;
/// Wait after an error of the broker.
const RETRY: Duration = Duration::from_secs(1);
/// Longest time that the deletion of a subscription may take.
const DELETE_MAX: Duration = Duration::from_secs(10);

/// What a watcher wants to see.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TailRequest {
    /// The topic, without a partition.
    pub topic: String,
    /// Begin with the oldest message that is kept; else with the next one.
    pub from_earliest: bool,
    /// End after so many.
    pub limit: Option<u64>,
}

/// Begins to read. It ends when the returned channel is closed.
pub async fn begin(broker: &Arc<dyn Broker>, request: &TailRequest) -> Result<mpsc::Receiver<Value>, Failure> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let topic: TopicName =
        (request.topic.parse()).map_err(|e| Failure::usage(format!("`{}` is not a topic: {e}", request.topic)))?;
    let admin = broker.admin().ok_or_else(|| {
        Failure::usage(
            "the subscription that reads could not be deleted afterwards: Danube has this call on its admin port alone. Write \
             `danube.admin_url = \"http://HOST:50051\"` in the pipeline file",
        )
    })?;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let subscription = format!("{PREFIX}{}-{}-{number}", std::process::id(), now_ms());
    let options = ConsumerOptions {
        topic: topic.clone(),
        consumer: subscription.clone(),
        subscription,
        subscription_type: SubscriptionType::Exclusive,
        start: match request.from_earliest {
            true => StartAt::Earliest,
            false => StartAt::Latest,
        },
        unacknowledged_max: MESSAGES_WAITING_MAX,
    };
    let subscription = options.subscription.clone();
    let consumer = broker.subscribe(options).await.map_err(Failure::usage)?;
    let (values, watcher) = mpsc::channel(1);
    let tail = Tail {
        topic,
        subscription,
        schemas: Schemas::new(broker.registry()),
        admin,
        left: request.limit,
    };
    tokio::spawn(tail.run(consumer, values));
    Ok(watcher)
}

/// Deletes what processes have left that were killed. Only where no other process can be reading.
pub(crate) async fn sweep(broker: &dyn Broker) {
    let Some(admin) = broker.admin() else { return };
    let Ok(all) = admin.subscriptions().await else { return };
    for left in all.iter().filter(|one| one.subscription.starts_with(PREFIX)) {
        delete(&*admin, &left.topic, &left.subscription).await;
    }
}

struct Tail {
    topic: TopicName,
    subscription: String,
    schemas: Schemas,
    admin: Arc<dyn Admin>,
    left: Option<u64>,
}

impl Tail {
    async fn run(mut self, mut consumer: Box<dyn Consumer>, values: mpsc::Sender<Value>) {
        tokio::select! {
            () = values.closed() => {}
            () = self.read(&mut *consumer, &values) => {}
        }
        // It is not in use any more.
        drop(consumer);
        delete(&*self.admin, &self.topic, &self.subscription).await;
    }

    async fn read(&mut self, consumer: &mut dyn Consumer, values: &mpsc::Sender<Value>) {
        let acker = consumer.acker();
        while self.left != Some(0) {
            let messages = match consumer.receive(MESSAGES_WAITING_MAX).await {
                Ok(messages) => messages,
                Err(error) if error.is_transient() => {
                    sleep(RETRY).await;
                    continue;
                }
                Err(error) => {
                    let _ = values.send(json!({ "error": error.to_string() })).await;
                    return;
                }
            };
            let ids: Vec<_> = messages.iter().map(|message| message.message_id).collect();
            for message in messages {
                if self.left == Some(0) || values.send(self.value(message).await).await.is_err() {
                    return;
                }
                self.left = self.left.map(|left| left - 1);
            }
            // Of its own subscription, so that more comes.
            let _: Result<(), BrokerError> = acker.ack(&ids).await;
        }
    }

    async fn value(&self, message: Message) -> Value {
        let mut value = json!({
            "topic": message.topic.as_str(),
            "partition": message.message_id.partition,
            "offset": message.message_id.offset,
            "id": message.id.as_str(),
            "publish_time_ms": message.publish_time_ms,
            "producer": &*message.producer,
        });
        if let Some(key) = &message.key {
            value["key"] = readable(key).1;
        }
        if !message.attributes.is_empty() {
            let pairs: Map<_, _> = message.attributes.iter().map(|(n, v)| (n.clone(), json!(v))).collect();
            value["attributes"] = Value::Object(pairs);
        }
        let mut payload = message.payload;
        if let Some(reference) = message.schema {
            match self.schemas.by_reference(reference).await {
                Ok(validator) => {
                    value["schema"] = json!(&*validator.label());
                    payload = validator.decode(payload.clone()).unwrap_or(payload);
                }
                Err(error) => value["schema_error"] = json!(error.to_string()),
            }
        }
        let (form, payload) = readable(&payload);
        if form == "hex" {
            value["payload_form"] = json!(form);
        }
        value["payload"] = payload;
        value
    }
}

async fn delete(admin: &dyn Admin, topic: &TopicName, subscription: &str) {
    let deleted = timeout(DELETE_MAX, admin.delete_subscription(topic, subscription)).await;
    let error = match deleted {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the broker did not answer".to_owned(),
    };
    tracing::warn!(%topic, subscription, error, "the subscription of a tail is left behind and keeps messages: delete it with `danube-wasm subscriptions delete`");
}
