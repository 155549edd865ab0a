//! Looks at the clocks until a few milliseconds have passed, and at chance, and tells what it saw: in a panic for a
//! message with `"poison": true`, else in the document that it writes.

use std::{
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use danube_connector::{
    Config, ConsumerConfig, Nothing, Result, SinkConnector, SinkRecord, SinkSettings, Write, Writes, export_sink, info,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Long enough for a clock that tells milliseconds to move several times.
const WATCHED: Duration = Duration::from_millis(3);

struct TimeAndChance {
    settings: SinkSettings<Nothing, Into>,
}

#[derive(Deserialize)]
struct Into {
    table: String,
}

impl SinkConnector for TimeAndChance {
    fn initialize(config: Config) -> Result<Self> {
        let settings = config.settings()?;
        Ok(Self { settings })
    }

    fn consumer_configs(&self) -> Result<Vec<ConsumerConfig>> {
        self.settings.consumer_configs()
    }

    fn process<'a>(&'a mut self, record: SinkRecord<'a>) -> Result<Writes<'a>> {
        let document: Value = record.payload()?;
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (looks, chance) = (watch(), RandomState::new().hash_one(0));
        info!("looked {looks} times");
        assert_ne!(
            document["poison"],
            true,
            "poison at {} ms after {looks} looks with {chance}",
            at.as_millis()
        );
        let seen = json!({ "at": at.as_secs(), "looks": looks, "chance": chance });
        Ok(Write::insert(&self.settings.topic_mappings[0].more.table, &seen)?.into())
    }
}

/// How often the clock was looked at until it had moved far enough.
fn watch() -> u64 {
    let begun = Instant::now();
    let mut looks = 1;
    while begun.elapsed() < WATCHED {
        looks += 1;
    }
    looks
}

export_sink!(TimeAndChance);
