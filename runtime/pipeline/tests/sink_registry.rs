//! What a sink does with messages whose schema it cannot ask for: it keeps them.

mod fakes;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use danube_wasm_broker::{
    Acker, Broker, BrokerError, Consumer, ConsumerOptions, ErrorKind, Lag, Message, Publisher, RegisteredSchema,
    Registry, Result, SchemaRef, TopicSpec,
};
use danube_wasm_model::{SubscriptionType::Shared, TopicName};
use danube_wasm_pipeline::{BatchPolicy, Instruments, RetryPolicy, Sink, SinkParts, Status};
use danube_wasm_schema::Schemas;
use fakes::{FakeSink, MemoryBroker, MemoryTable, insert};
use parking_lot::Mutex;

/// Every message of this broker names a schema.
struct Typed(MemoryBroker);

#[async_trait]
impl Broker for Typed {
    async fn create_topic(&self, topic: &TopicName, spec: TopicSpec) -> Result<()> {
        self.0.create_topic(topic, spec).await
    }

    async fn publisher(&self, producer: &str) -> Result<Arc<dyn Publisher>> {
        self.0.publisher(producer).await
    }

    async fn subscribe(&self, options: ConsumerOptions) -> Result<Box<dyn Consumer>> {
        Ok(Box::new(TypedConsumer(self.0.subscribe(options).await?)))
    }

    fn registry(&self) -> Arc<dyn Registry> {
        self.0.registry()
    }

    async fn lag(&self) -> Result<Vec<Lag>> {
        self.0.lag().await
    }

    async fn ready(&self) -> Result<()> {
        self.0.ready().await
    }

    async fn close(&self) -> Result<()> {
        self.0.close().await
    }
}

struct TypedConsumer(Box<dyn Consumer>);

#[async_trait]
impl Consumer for TypedConsumer {
    async fn receive(&mut self, max: usize) -> Result<Vec<Message>> {
        let mut messages = self.0.receive(max).await?;
        for message in &mut messages {
            message.schema = Some(SchemaRef { id: 7, version: 1 });
        }
        Ok(messages)
    }

    fn acker(&self) -> Arc<dyn Acker> {
        self.0.acker()
    }
}

/// Has the schema, and refuses to show it as long as there is a reason.
struct Guarded(Mutex<Option<ErrorKind>>);

const CURE: &str = "bind a role with `ManageSchema` to the token's principal";

#[async_trait]
impl Registry for Guarded {
    async fn latest(&self, _: &str) -> Result<Option<RegisteredSchema>> {
        Ok(None)
    }

    async fn get(&self, reference: SchemaRef) -> Result<Option<RegisteredSchema>> {
        match *self.0.lock() {
            Some(kind) => Err(BrokerError::new(kind, CURE)),
            None => Ok(Some(RegisteredSchema {
                reference,
                subject: "numbers".into(),
                schema_type: "number".into(),
                definition: String::new(),
            })),
        }
    }

    async fn versions(&self, _: &str) -> Result<Vec<RegisteredSchema>> {
        Ok(Vec::new())
    }

    async fn register(&self, _: &str, _: &str, _: &str) -> Result<RegisteredSchema> {
        Err(BrokerError::new(ErrorKind::Denied, CURE))
    }
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_may_not_be_asked_holds_messages_up_and_makes_no_dead_letters_of_them() {
    for kind in [
        ErrorKind::Denied,
        ErrorKind::Incompatible,
        ErrorKind::Conflict,
        ErrorKind::Unavailable,
        ErrorKind::Closed,
    ] {
        let (broker, table) = (MemoryBroker::new(), Arc::new(MemoryTable::default()));
        let registry = Arc::new(Guarded(Mutex::new(Some(kind))));
        let parts = SinkParts {
            guest: Arc::new(FakeSink::new(Shared, |m| Ok(insert(m)))),
            broker: Arc::new(Typed(broker.clone())),
            consumer: "consumer".into(),
            schemas: Arc::new(Schemas::new(registry.clone())),
            egress: table.clone(),
            batches: vec![BatchPolicy::default()],
            retry_policy: RetryPolicy::default(),
            instruments: Instruments::default(),
        };
        let sink = Sink::start(parts).await.expect("a sink");
        broker.deliver([(0, None, "1"), (1, None, "2")]);
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(broker.acked(), Vec::<u64>::new(), "{kind:?}");
        assert_eq!(broker.published().len(), 0, "a dead letter: {kind:?}");
        let status = sink.status().borrow().clone();
        assert!(
            matches!(&status, Status::Degraded(why) if why.contains(CURE)),
            "{kind:?}: {status:?}"
        );
        // The role is bound: nothing was lost meanwhile.
        *registry.0.lock() = None;
        broker.until("both are acknowledged", |b| b.acked() == [0, 1]).await;
        assert_eq!(table.bodies(), ["1", "2"], "{kind:?}");
        assert_eq!(*sink.status().borrow(), Status::Running, "{kind:?}");
    }
}
