//! Whether records hold the largest events that sources take.

use danube_wasm_config::{Component, Pipeline};

use super::{Finding, Outcome};

/// Says of each source that takes larger events than the broker's records, where each event becomes one.
pub(crate) fn of_events(pipeline: &Pipeline, record_bytes_max: usize) -> impl Iterator<Item = Finding> {
    let builtin = pipeline
        .sources
        .iter()
        .filter(|source| matches!(source.component, Component::Builtin(_)));
    builtin.filter_map(move |source| {
        let event_bytes_max = source.connector.event_bytes_max()?;
        (event_bytes_max > record_bytes_max).then(|| Finding {
            what: format!("{}: events of {event_bytes_max} bytes", source.id),
            outcome: Outcome::Unknown(format!(
                "the broker takes records of at most {record_bytes_max} bytes, with key and attributes: larger events are \
                 refused. Write {record_bytes_max} or less for the source's largest event (`max_event_bytes`, `max_packet_bytes`), \
                 or raise the broker's limit"
            )),
        })
    })
}
