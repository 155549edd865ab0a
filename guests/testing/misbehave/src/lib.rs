//! Does what each event's `do` says. `trap`, `loop`, `bomb` and `bad-columns` ruin the call for the whole batch; the
//! others concern their event only.
//!
//! | `do` | what happens |
//! |---|---|
//! | `trap` | a panic, which becomes a trap |
//! | `loop` | the call never returns |
//! | `bomb` | memory is taken until there is none |
//! | `bad-columns` | columns that break the contract: offsets that descend, an index that points nowhere |
//! | `retry` | the call fails as retryable |
//! | `reject` | the event is refused as `refused as told` |
//! | `answer` | the caller is answered 201, `text/plain`, `hello`; no record |
//! | `drop` | no record |
//! | `allocate` | seven times 1,000 bytes are allocated and given back; the payload is forwarded |
//! | anything else | the payload is forwarded to the topic of the first endpoint |

use danube_connector::{
    __private::SourceSlot,
    Config, Error, Event, ProducerConfig, Records, Reply, Result, SourceConnector, SourceRecord, SourceSettings,
    bindings::{
        source::{EventBatch, Guest, RecordBatch},
        types::{self, Attributes, Blobs, Configuration, Failure, Interests, Labels, Origins, Payloads},
    },
};
use serde::Deserialize;

struct Misbehave {
    settings: SourceSettings,
}

#[derive(Default, Deserialize)]
struct Order {
    #[serde(default, rename = "do")]
    action: String,
}

impl SourceConnector for Misbehave {
    fn initialize(config: Config) -> Result<Self> {
        let settings = config.settings()?;
        Ok(Self { settings })
    }

    fn producer_configs(&self) -> Result<Vec<ProducerConfig>> {
        self.settings.producer_configs()
    }

    fn event<'a>(&'a mut self, event: Event<'a>) -> Result<Records<'a>> {
        let order: Order = event.as_type().unwrap_or_default();
        match order.action.as_str() {
            "trap" => panic!("trapped as told"),
            "loop" => spin(),
            "bomb" => bomb(),
            "retry" => Err(Error::retryable("retry as told")),
            "reject" => Err(Error::invalid_data("refused as told")),
            "answer" => Ok(Reply::try_new(201, "text/plain", "hello")?.into()),
            "drop" => Ok(Records::NONE),
            action => {
                if action == "allocate" {
                    allocate();
                }
                Ok(SourceRecord::forward(&self.settings.endpoints[0].danube_topic, event).into())
            }
        }
    }
}

fn allocate() {
    for _ in 0..7 {
        std::hint::black_box(Vec::<u8>::with_capacity(std::hint::black_box(1_000)));
    }
}

fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

fn bomb() -> ! {
    let mut hoard = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}

/// One record that claims to lie before it begins, of a topic and an event that are not there.
fn bad_columns() -> RecordBatch {
    let blobs = |ends: Vec<u32>, bytes: &[u8]| Blobs {
        ends,
        bytes: bytes.to_vec(),
    };
    RecordBatch {
        topics: Labels {
            names: vec!["/no/where".to_owned()],
            index: vec![7],
        },
        payloads: Payloads {
            reuse: Vec::new(),
            bytes: blobs(vec![9, 2], b"ab"),
        },
        origins: Origins {
            ends: vec![1],
            index: vec![u32::MAX],
        },
        ids: blobs(Vec::new(), b""),
        keys: blobs(Vec::new(), b""),
        attributes: Attributes {
            ends: Vec::new(),
            names: blobs(Vec::new(), b""),
            values: blobs(Vec::new(), b""),
        },
        rejected: Vec::new(),
        answers: Vec::new(),
        extra: Vec::new(),
    }
}

/// Exported by hand, because the SDK makes no bad columns.
struct Component;

thread_local! {
    static SLOT: SourceSlot<Misbehave> = const { SourceSlot::new() };
}

impl Guest for Component {
    fn initialize(config: Configuration) -> Result<Interests, Failure> {
        SLOT.with(|slot| slot.initialize(config))
    }

    fn producer_configs() -> Result<Vec<types::ProducerConfig>, Failure> {
        SLOT.with(SourceSlot::producer_configs)
    }

    fn poll(events: EventBatch) -> Result<RecordBatch, Failure> {
        let told = events
            .payloads
            .bytes
            .windows(13)
            .any(|window| window == b"\"bad-columns\"");
        if told {
            return Ok(bad_columns());
        }
        SLOT.with(|slot| slot.poll(&events))
    }
}

#[cfg(target_arch = "wasm32")]
danube_connector::bindings::source_world::export!(Component);

// A native build exports nothing, but the connector is not dead code there.
#[cfg(not(target_arch = "wasm32"))]
#[used]
static IN_USE: fn(Component, EventBatch) -> Result<RecordBatch, Failure> = |Component, events| Component::poll(events);
