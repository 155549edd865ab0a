//! The keys of a sink about a topic and its batches.

use danube_wasm_model::{BatchPolicy, OnPoison, StartAt, SubscriptionType, TopicName, door::ConsumerConfig};
use danube_wasm_settings::{
    Span, Table,
    kinds::{Choice, Integer, Millis, Name, Parsed, Text},
};

use crate::{Consumed, Facts};

const SUBSCRIPTION_TYPES: Choice<SubscriptionType> = Choice {
    options: &[
        ("Exclusive", SubscriptionType::Exclusive),
        ("Shared", SubscriptionType::Shared),
        ("Failover", SubscriptionType::Failover),
        ("KeyShared", SubscriptionType::KeyShared),
    ],
    aliases: &[("FailOver", SubscriptionType::Failover)],
    refused: &[],
};

const ON_POISON: Choice<OnPoison> = Choice::of(&[
    ("dead-letter", OnPoison::DeadLetter),
    ("block-key", OnPoison::BlockKey),
    ("stop", OnPoison::Stop),
]);

/// Most messages of a batch that a file may ask for: what a table of files or parts likes at once.
const BATCH_MESSAGES_MAX: usize = 1_000_000;
/// Most bytes of a batch that a file may ask for. A component has at most twice as much memory.
const BATCH_BYTES_MAX: usize = 256 << 20;

/// The keys about the topic to consume and its batches.
#[derive(Debug, Clone)]
pub struct MappingKeys {
    /// `topic`, `subscription`, `subscription_type` and `expected_schema_subject`.
    pub consumer: Option<ConsumerConfig>,
    /// `start`, `batch_size`, `batch_bytes`, `flush_interval_ms`, `idle_ms` and `on_poison`.
    pub batch: BatchPolicy,
}

impl MappingKeys {
    /// Reads the keys, and calls `target` in between, which reads the connector's own keys about where messages go:
    /// this is the order of the reference page. `defaults` applies to missing keys.
    pub fn read<T>(t: &mut Table<'_>, defaults: BatchPolicy, target: impl FnOnce(&mut Table<'_>) -> T) -> (Self, T) {
        let topic = t
            .field(
                "topic",
                Parsed::<TopicName>::new("a topic"),
                "The topic, `/namespace/name`, without its partitions: all of them are consumed.",
            )
            .aliases(&["from"])
            .example("\"/stripe/payments\"")
            .required();
        let subscription = t
            .field(
                "subscription",
                Name("subscription"),
                "Name of the subscription. It holds the position: with a new name the sink begins at `start`.",
            )
            .example("\"surrealdb-payments\"")
            .required();
        let subscription_type = t
            .field(
                "subscription_type",
                SUBSCRIPTION_TYPES,
                "How consumers share the messages. All but `Shared` keep the order of each key. On Danube 0.15, `Failover` \
                 does not fail over: when its consumer is gone, nobody gets the messages; and `KeyShared` hands out at \
                 most one message in half a second. The embedded log and `danube-wasm broker` have neither limit.",
            )
            .or(SubscriptionType::Shared);
        let start = t
            .field(
                "start",
                Choice::of(&[("earliest", StartAt::Earliest), ("latest", StartAt::Latest)]),
                "Where a new subscription begins: with the oldest message kept, or the next one published. A Danube broker \
                 begins with the next one, whatever this says.",
            )
            .or(defaults.start);
        let target = target(t);
        let expected_schema_subject = t
            .field(
                "expected_schema_subject",
                Text,
                "Messages of another schema subject are refused.",
            )
            .example("\"stripe-payment-v1\"")
            .optional();
        let batch = BatchPolicy {
            start,
            on_poison: on_poison(t, subscription_type),
            ..batch(t, defaults)
        };
        let consumer = topic.zip(subscription).map(|(topic, subscription)| ConsumerConfig {
            topic,
            subscription,
            subscription_type,
            expected_schema_subject,
        });
        (Self { consumer, batch }, target)
    }

    /// Records the consumption, for checks against sources and other sinks. `by_id` is the place of the setting that
    /// the newest message of an id is stored, if it is set.
    pub fn leave(&self, t: &Table<'_>, by_id: Option<Span>) {
        if let Some(consumer) = &self.consumer {
            let fact = Consumed {
                topic: consumer.topic.clone(),
                subscription: consumer.subscription.clone(),
                subscription_type: consumer.subscription_type,
                sink: t.item(),
                expected_schema_subject: consumer.expected_schema_subject.clone(),
                by_id,
            };
            t.session().facts::<Facts>().consumed.push((t.span("topic"), fact));
        }
    }
}

fn batch(t: &mut Table<'_>, defaults: BatchPolicy) -> BatchPolicy {
    let messages_max = t
        .field(
            "batch_size",
            Integer(1..=BATCH_MESSAGES_MAX),
            "Most messages of a batch.",
        )
        .or(defaults.messages_max);
    let bytes_max = t
        .field(
            "batch_bytes",
            Integer(1 << 10..=BATCH_BYTES_MAX),
            "Most bytes of a batch. A larger message travels alone. The component is called with the whole batch: `limits.memory_bytes` \
             must hold it.",
        )
        .or(defaults.bytes_max);
    let linger = t
        .field(
            "flush_interval_ms",
            Millis(1..=600_000),
            "Longest wait of a message for its batch to fill.",
        )
        .or(defaults.linger);
    let idle = t
        .field(
            "idle_ms",
            Millis(1..=600_000),
            "A batch is written when no message came for this long.",
        )
        .or(defaults.idle);
    BatchPolicy {
        messages_max,
        bytes_max,
        linger,
        idle,
        ..defaults
    }
}

fn on_poison(t: &mut Table<'_>, subscription_type: SubscriptionType) -> OnPoison {
    let on_poison = t
        .field(
            "on_poison",
            ON_POISON,
            "What becomes of a message that cannot be processed: it goes to the dead-letter topic; or it and what \
             follows it of its key waits, which takes a `buffer` with a Danube broker; or the sink stops.",
        )
        .or(OnPoison::DeadLetter);
    if on_poison == OnPoison::BlockKey {
        let item = t.item();
        t.session().facts::<Facts>().blocking.push((t.span("on_poison"), item));
        if !subscription_type.keeps_order() {
            t.session().error(
                &t.span("on_poison"),
                "`block-key` keeps the order of a key, and a `Shared` subscription has none to keep",
                "write `subscription_type = \"KeyShared\"`, or another `on_poison`",
            );
        }
    }
    on_poison
}
