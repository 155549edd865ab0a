//! What Danube's brokers do not do for a subscription is logged when the subscription is used.
#![allow(clippy::unwrap_used, reason = "in tests")]

mod support;

use std::{
    fmt::{Debug, Write},
    sync::Arc,
};

use danube_wasm_broker::{Broker, Consumer};
use danube_wasm_model::SubscriptionType::{self, Exclusive, Failover, KeyShared, Shared};
use parking_lot::Mutex;
use support::{Wire, consumer_options, reliable, soon, topic, until};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// Keeps this crate's warnings.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
            && metadata
                .target()
                .starts_with("danube_wasm_broker_danube::consume::quirks")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().push(line.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

async fn subscribe(wire: &Wire, kind: SubscriptionType) -> Box<dyn Consumer> {
    let client = wire.client();
    let topic = topic("/default/t");
    client.create_topic(&topic, reliable(3)).await.unwrap();
    soon(client.subscribe(consumer_options(&topic, kind))).await.unwrap()
}

// One test: the subscriber is the whole process's.
#[tokio::test]
async fn failover_and_key_shared_on_danube_are_warned_of_once_and_not_on_danube_wasms_broker() {
    let warnings = Warnings::default();
    tracing::subscriber::set_global_default(warnings.clone()).unwrap();
    for (kind, said) in [
        (Exclusive, None),
        (Shared, None),
        (Failover, Some("does not fail over")),
        (KeyShared, Some("at most one message in half a second")),
    ] {
        let wire = Wire::start().await;
        let _consumer = subscribe(&wire, kind).await;
        // Once, however many partitions it has and however often its sessions are lost.
        let before = wire.state.calls("subscribe").len();
        wire.state.forget();
        until("all are subscribed again", || {
            wire.state.calls("subscribe").len() >= before + 3
        })
        .await;
        let heard = std::mem::take(&mut *warnings.0.lock());
        match said {
            None => assert!(heard.is_empty(), "{kind:?}: {heard:?}"),
            Some(said) => {
                assert_eq!(heard.len(), 1, "{kind:?}: {heard:?}");
                for part in [said, "/default/t", "sub", "Use `Exclusive`"] {
                    assert!(heard[0].contains(part), "no {part}: {heard:?}");
                }
            }
        }
        let own = Wire::start().await;
        own.state.be_own();
        let _consumer = subscribe(&own, kind).await;
        assert!(warnings.0.lock().is_empty(), "{kind:?}");
    }
}
