//! Messages that an operator published again. They are on their topic a second time, for everybody to read, so they say
//! which connector they are for, and when they were published first.

use danube_wasm_broker::Message;
use danube_wasm_model::{
    ConnectorId,
    identity::{ONLY_ATTRIBUTE, PUBLISH_TIME_ATTRIBUTE},
};

/// Whether the connector is to process it.
pub(super) fn is_for(message: &Message, connector: &ConnectorId) -> bool {
    message
        .attributes
        .iter()
        .all(|(name, value)| name != ONLY_ATTRIBUTE || value == connector.as_str())
}

/// The message with its first publish time, by which writes are ordered.
pub(super) fn as_first_published(mut message: Message) -> Message {
    let mut first = None;
    message.attributes.retain(|(name, value)| match name.as_str() {
        PUBLISH_TIME_ATTRIBUTE => {
            first = first.or(value.parse().ok());
            false
        }
        ONLY_ATTRIBUTE => false,
        _ => true,
    });
    // Never later than it says of itself: the attribute can only make a message older.
    message.publish_time_ms = first.map_or(message.publish_time_ms, |first: u64| first.min(message.publish_time_ms));
    message
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use danube_wasm_broker::MessageId;
    use danube_wasm_model::RecordId;

    use super::*;

    fn message(attributes: &[(&str, &str)]) -> Message {
        let own = attributes.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        Message {
            message_id: MessageId {
                partition: 0,
                offset: 0,
            },
            topic: "/test/topic".parse().expect("a topic"),
            key: None,
            payload: Bytes::new(),
            attributes: own.collect(),
            id: RecordId::from_broker("p/c:e.0".to_owned()),
            publish_time_ms: 1000,
            producer: "p".into(),
            schema: None,
            redeliveries: 0,
        }
    }

    #[test]
    fn a_message_for_one_connector_is_not_for_another() {
        let connector = |name| ConnectorId::try_new("p", name).expect("a name");
        assert!(is_for(&message(&[("a", "1")]), &connector("x")));
        assert!(is_for(&message(&[(ONLY_ATTRIBUTE, "p/x")]), &connector("x")));
        assert!(!is_for(&message(&[(ONLY_ATTRIBUTE, "p/x")]), &connector("xy")));
    }

    #[test]
    fn the_first_publish_time_counts_and_only_makes_a_message_older() {
        for (value, time) in [("17", 17), ("2000", 1000), ("soon", 1000), ("-1", 1000)] {
            let first = as_first_published(message(&[
                ("a", "1"),
                (PUBLISH_TIME_ATTRIBUTE, value),
                (ONLY_ATTRIBUTE, "p/x"),
            ]));
            assert_eq!(first.publish_time_ms, time, "{value}");
            assert_eq!(first.attributes, [("a".to_owned(), "1".to_owned())]);
        }
    }
}
