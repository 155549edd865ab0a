//! The order of messages that were published without one, by other programs: publish time in milliseconds, and within one
//! the low 16 bits of the offset ([`Message::order`]). Where those bits begin anew within one millisecond, the messages
//! behind that place are taken to be of the next one, so that order rises through a partition.

use std::collections::{HashMap, VecDeque};

use danube_wasm_broker::Message;
use danube_wasm_model::{
    clock::{ORDER_COUNTER_BITS, order_at},
    identity::PUBLISH_TIME_ATTRIBUTE,
};

/// So many raised places of a partition are remembered for what is delivered again.
const RAISED_MAX: usize = 4;

/// What the reader of a subscription knows about its partitions.
#[derive(Default)]
pub(super) struct Orders(HashMap<u64, Partition>);

/// Messages of a partition, as far as they were read.
#[derive(Default)]
struct Partition {
    offset: u64,
    time_ms: u64,
    /// `time_ms`, perhaps raised.
    order_ms: u64,
    /// Blocks of offsets with the same high bits, whose messages are of this millisecond at least.
    raised: VecDeque<(u64, u64)>,
}

impl Orders {
    /// Stamps what has no order and must not be ordered by its publish time alone.
    pub(super) fn stamp(&mut self, messages: &mut [Message]) {
        for message in messages {
            let again = message
                .attributes
                .iter()
                .any(|(name, _)| name == PUBLISH_TIME_ATTRIBUTE);
            if again || message.stamp().is_some() {
                continue;
            }
            let partition = self.0.entry(message.message_id.partition).or_default();
            let (offset, time_ms) = (message.message_id.offset, message.publish_time_ms);
            let order_ms = partition.order_ms(offset, time_ms);
            if order_ms != time_ms {
                message.set_stamp(order_at(order_ms, offset));
            }
        }
    }
}

impl Partition {
    fn order_ms(&mut self, offset: u64, time_ms: u64) -> u64 {
        let block = offset >> ORDER_COUNTER_BITS;
        let is_new = offset > self.offset;
        let goes_on = (self.time_ms..=self.order_ms).contains(&time_ms);
        if is_new && block > self.offset >> ORDER_COUNTER_BITS && goes_on {
            self.raised.push_back((block, self.order_ms + 1));
            if self.raised.len() > RAISED_MAX {
                self.raised.pop_front();
            }
        }
        let raised = self.raised.iter().find(|(of, _)| *of == block);
        let order_ms = raised.map_or(time_ms, |(_, least)| time_ms.max(*least));
        if is_new || self.time_ms == 0 {
            (self.offset, self.time_ms, self.order_ms) = (offset, time_ms, order_ms);
        }
        order_ms
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use danube_wasm_broker::MessageId;
    use danube_wasm_model::RecordId;

    use super::*;

    const THEN: u64 = 1 << 40;

    fn message(offset: u64, publish_time_ms: u64) -> Message {
        Message {
            message_id: MessageId { partition: 0, offset },
            topic: "/test/topic".parse().expect("a topic"),
            key: None,
            payload: Bytes::new(),
            attributes: Vec::new(),
            id: RecordId::from_broker(format!("p/c:{offset}.0")),
            publish_time_ms,
            producer: "p".into(),
            schema: None,
            redeliveries: 0,
        }
    }

    fn order(orders: &mut Orders, offset: u64, publish_time_ms: u64) -> u64 {
        let mut messages = [message(offset, publish_time_ms)];
        orders.stamp(&mut messages);
        messages[0].order()
    }

    #[test]
    fn messages_without_a_stamp_rise_through_their_partition() {
        let mut orders = Orders::default();
        let mut last = 0;
        // Three times around within one millisecond, then on with the clock.
        let standing = (0..200_000).map(|offset| (offset, THEN));
        let running = (200_000..200_100).map(|offset| (offset, THEN + 1 + (offset - 200_000) / 10));
        for (offset, time_ms) in standing.chain(running) {
            let order = order(&mut orders, offset, time_ms);
            assert!(offset == 0 || order > last, "at {offset}");
            last = order;
        }
    }

    #[test]
    fn what_is_delivered_again_has_the_order_that_it_had() {
        let mut orders = Orders::default();
        let places = [(65_534, 0), (65_535, 0), (65_536, 0), (65_537, 0), (65_538, 2)];
        let first = places.map(|(offset, ms)| order(&mut orders, offset, THEN + ms));
        let again = places.map(|(offset, ms)| order(&mut orders, offset, THEN + ms));
        assert_eq!(first, again);
        assert_eq!(first[2], order_at(THEN + 1, 0));
        assert_eq!(first[4], order_at(THEN + 2, 2));
    }

    #[test]
    fn a_stamp_stays() {
        let mut stamped = message(3, 1000);
        stamped.set_stamp(5);
        let mut messages = [stamped];
        Orders::default().stamp(&mut messages);
        assert_eq!(messages[0].order(), 5);
    }
}
