//! The events of every side, and what must come out.

/// Where events come from and copies go.
pub(crate) const ENDPOINT: &str = "/webhooks/payments";
pub(crate) const TOPIC: &str = "/bench/copies";

/// An event, with nothing shared: each side lays it out as it needs.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) payload: Vec<u8>,
    pub(crate) key: Vec<u8>,
    pub(crate) received: u64,
    pub(crate) attributes: [(String, String); 2],
}

/// A record, likewise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) origin: usize,
    pub(crate) key: Vec<u8>,
    pub(crate) attributes: Vec<(String, String)>,
}

/// So many different events.
pub(crate) fn sample(n: usize) -> Vec<Event> {
    let event = |i: usize| Event {
        payload: format!(
            r#"{{"event":"payment.succeeded","amount":{},"currency":"USD","timestamp":1764000000}}"#,
            100_000 + i
        )
        .into_bytes(),
        key: format!("cus_{i:08}").into_bytes(),
        received: 1_764_000_000_000 + i as u64,
        attributes: [
            ("method".to_owned(), "POST".to_owned()),
            ("client-ip".to_owned(), format!("192.0.2.{}", i % 256)),
        ],
    };
    (0..n).map(event).collect()
}

/// What each side must make of them.
pub(crate) fn expected(events: &[Event]) -> Vec<Made> {
    let made = |(origin, event): (usize, &Event)| {
        let mut payload = event.payload.clone();
        change(&mut payload, event.received);
        Made {
            topic: TOPIC.to_owned(),
            payload,
            origin,
            key: event.key.clone(),
            attributes: event.attributes.to_vec(),
        }
    };
    events.iter().enumerate().map(made).collect()
}

/// The change, as the components make it.
pub(crate) fn change(payload: &mut [u8], received: u64) {
    if let Some(last) = payload.last_mut() {
        *last ^= (received & 1) as u8 | 2;
    }
}
