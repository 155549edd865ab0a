//! The id of an event that its producer gave none: where it is.

use danube_wasm_model::hash::Fnv1a;

use crate::{consumer::Record, limits::TOPIC_IN_ID_BYTES_MAX, routes::Route};

/// Partition and offset; before them the generation, if there was one before, and the topic where the route's name is not it.
pub(crate) fn of_place(record: &Record, route: &Route, generation: u16) -> String {
    let place = format!("{}-{}", record.partition.number, record.offset);
    let place = match generation {
        0 => place,
        generation => format!("g{generation}-{place}"),
    };
    match route.config.from.is_pattern() {
        true => format!("{}/{place}", short(&record.partition.topic)),
        false => place,
    }
}

/// A topic's name, or as much of it as an id has room for and a digest of all.
fn short(topic: &str) -> String {
    match topic.get(..TOPIC_IN_ID_BYTES_MAX) {
        Some(begin) if topic.len() > TOPIC_IN_ID_BYTES_MAX => {
            let mut hash = Fnv1a::default();
            hash.write(topic.bytes());
            format!("{begin}~{:016x}", hash.finish())
        }
        _ => topic.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_topics_have_ids_of_their_own() {
        let (one, other) = (format!("{}a", "t".repeat(248)), format!("{}b", "t".repeat(248)));
        assert_ne!(short(&one), short(&other));
        let id = format!("{}/g32767-2147483647-9223372036854775807", short(&one));
        assert!(danube_wasm_model::identity::is_event_id(&id), "{}", id.len());
        assert_eq!(short("orders"), "orders");
    }
}
