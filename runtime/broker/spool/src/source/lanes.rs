//! Keys in the spool's log. Records of one key must not overtake one another; neither may those without a key where the
//! topic is ordered. So the log's key is that of the **lane**: one byte that says which it is, then the record's key.

use bytes::Bytes;

const KEYLESS: u8 = 0;
const KEYED: u8 = 1;

/// The log's key of a record.
pub(crate) fn lane_of(key: Option<&Bytes>, ordered: bool) -> Option<Bytes> {
    match key {
        Some(key) => Some([&[KEYED], &key[..]].concat().into()),
        None => ordered.then(|| Bytes::from_static(&[KEYLESS])),
    }
}

/// The record's own key.
pub(crate) fn key_of(lane: Option<&Bytes>) -> Option<Bytes> {
    lane.filter(|lane| lane.first() == Some(&KEYED))
        .map(|lane| lane.slice(1..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_whatever_it_is() {
        for key in [&b""[..], b"k", &[0], &[1, 2]] {
            let key = Bytes::copy_from_slice(key);
            for ordered in [false, true] {
                assert_eq!(key_of(lane_of(Some(&key), ordered).as_ref()), Some(key.clone()));
            }
        }
        assert_eq!(key_of(lane_of(None, true).as_ref()), None);
    }

    #[test]
    fn without_a_key_only_order_makes_a_lane() {
        assert_eq!(lane_of(None, false), None);
        assert!(lane_of(None, true).is_some());
        assert_ne!(lane_of(None, true), lane_of(Some(&Bytes::new()), true));
    }
}
