//! The classes of fault, each a file: what is broken, and what must hold all the same.

pub mod broker;
pub mod burst;
pub mod crash_table;
pub mod database;
pub mod group;
pub mod kills;
pub mod nats;
pub mod stops;
pub mod target;
pub mod upstream;

use danube_wasm_trials::Row;

use crate::{checker::Checked, dice::Dice};

/// How many trials: in `make test`, in `make chaos`, in `make chaos-long`.
pub type Trials = [u32; 3];

/// One class.
pub struct Class {
    pub name: &'static str,
    pub trials: Trials,
    /// Makes the site on which its trials run one after the other; `Err` says why the class can't run here.
    pub begin: fn() -> Result<Box<dyn Trial>, &'static str>,
}

/// One class at work.
pub trait Trial {
    /// One fault, judged. Notes what it has shown.
    ///
    /// # Errors
    /// What did not hold.
    fn run(&mut self, dice: &mut Dice, row: &mut Row) -> Checked;

    /// Whether its site has become too large for another trial.
    fn is_worn(&self) -> bool {
        false
    }
}

/// In the order in which they run.
pub const ALL: &[Class] = &[
    kills::SOURCE,
    kills::SINK,
    kills::BOTH,
    group::SHARED,
    group::KEY_SHARED,
    group::SHARED_ONE_TABLE,
    group::KEY_SHARED_ONE_TABLE,
    crash_table::CLASS,
    stops::CLEAN,
    stops::SECOND_SIGTERM,
    stops::CRASH_LOOP,
    stops::FROZEN,
    stops::TWO_OF_A_NAME,
    broker::KILLED,
    broker::REFUSED,
    broker::BLACK_HOLE,
    broker::SLOW,
    broker::CUT_WITHIN,
    broker::REPLY_LOST,
    broker::DANUBE_KILLED,
    broker::DANUBE_REFUSED,
    broker::DANUBE_BLACK_HOLE,
    nats::KEY_SHARED,
    nats::SHARED,
    nats::FAILOVER,
    nats::OTHERS,
    upstream::MQTT,
    upstream::POSTGRES,
    upstream::KAFKA,
    upstream::OTLP,
    target::HTTP,
    target::CLICKHOUSE,
    target::QDRANT,
    target::DELTA,
    burst::ONE_NODE_LIVE,
    burst::TWO_NODES_LIVE,
    burst::TWO_NODES_FROM_LOG,
    database::REFUSED,
    database::BLACK_HOLE,
    database::CUT_WITHIN,
    database::REPLY_LOST,
    database::SLOW,
    database::LONG_GONE,
];
