//! What the reply subject of a delivered message says: `$JS.ACK.[domain.account.]stream.consumer.deliveries.stream
//! sequence.consumer sequence.nanoseconds.pending[.token]`.

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeliverySubject {
    /// How often the message was delivered, this time included.
    pub(crate) deliveries: u32,
    pub(crate) stream_sequence: u64,
    /// Deliveries of the consumer have no gaps.
    pub(crate) consumer_sequence: u64,
    /// When it was stored, in milliseconds since 1970.
    pub(crate) stored_ms: u64,
}

impl DeliverySubject {
    pub(crate) fn parse(reply: &str) -> Option<Self> {
        let tokens: Vec<&str> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
        // The newer form has domain and account in front, and a token behind.
        let numbers = match tokens.len() {
            7 => &tokens[2..],
            9.. => &tokens[4..],
            _ => return None,
        };
        let number = |n: usize| numbers.get(n)?.parse::<u64>().ok();
        Some(Self {
            deliveries: u32::try_from(number(0)?).unwrap_or(u32::MAX),
            stream_sequence: number(1)?,
            consumer_sequence: number(2)?,
            stored_ms: number(3)? / 1_000_000,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let expected = Some(DeliverySubject {
            deliveries: 2,
            stream_sequence: 7,
            consumer_sequence: 9,
            stored_ms: 1_700_000_000_123,
        });
        assert_eq!(
            DeliverySubject::parse("$JS.ACK.s.c.2.7.9.1700000000123456789.4"),
            expected
        );
        assert_eq!(
            DeliverySubject::parse("$JS.ACK._.acc.s.c.2.7.9.1700000000123456789.4"),
            expected
        );
        assert_eq!(
            DeliverySubject::parse("$JS.ACK._.acc.s.c.2.7.9.1700000000123456789.4.tok"),
            expected
        );
        assert_eq!(DeliverySubject::parse("_INBOX.a.b"), None);
        assert_eq!(DeliverySubject::parse("$JS.ACK.s.c.x.7.9.1.4"), None);
    }
}
