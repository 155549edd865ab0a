//! The columns of batches that a component and its candidate are both called with: each gets those that it asked for.

use danube_wasm_model::{
    event::{EventBatch, Interests},
    message::MessageBatch,
};

/// What either wants. Forms (`texts`, `order-bytes`) are made for each component by itself.
pub(super) fn union(a: Interests, b: Interests) -> Interests {
    Interests {
        ids: a.ids || b.ids,
        keys: a.keys || b.keys,
        attributes: a.attributes || b.attributes,
        headers: a.headers || b.headers,
        content_types: a.content_types || b.content_types,
        times: a.times || b.times,
        producers: a.producers || b.producers,
        schemas: a.schemas || b.schemas,
        orders: a.orders || b.orders,
        ..a
    }
}

/// The events with only these columns.
pub(crate) fn of_events(events: &EventBatch, wants: Interests) -> EventBatch {
    let mut events = events.clone();
    clear(&mut events.ids, wants.ids);
    clear(&mut events.keys, wants.keys);
    clear(&mut events.content_types, wants.content_types);
    clear(&mut events.received_ms, wants.times);
    clear(&mut events.attributes, wants.attributes);
    clear(&mut events.headers, wants.headers);
    events
}

/// The messages with only these columns.
pub(crate) fn of_messages(messages: &MessageBatch, wants: Interests) -> MessageBatch {
    let mut messages = messages.clone();
    clear(&mut messages.ids, wants.ids);
    clear(&mut messages.keys, wants.keys);
    clear(&mut messages.publish_times_ms, wants.times);
    clear(&mut messages.producers, wants.producers);
    clear(&mut messages.schemas, wants.schemas);
    clear(&mut messages.attributes, wants.attributes);
    clear(&mut messages.orders, wants.orders);
    messages
}

fn clear<T: Default>(column: &mut T, is_wanted: bool) {
    if !is_wanted {
        *column = T::default();
    }
}
