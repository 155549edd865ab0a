//! From a page's columns to events.

use bytes::Bytes;
use danube_wasm_model::{event::Event, poller::Page};
use sha2::{Digest, Sha256};

use crate::config::ENDPOINT;

/// Hex digits of an id that is made from a payload: of 10^12 payloads two are alike once in 10^14 cases.
const ID_DIGITS: usize = 32;

/// The events of a page.
pub(crate) fn events(page: &Page) -> Vec<Event> {
    (0..page.len()).map(|at| event(page, at)).collect()
}

fn event(page: &Page, at: usize) -> Event {
    let payload = Bytes::copy_from_slice(page.payloads.get(at));
    let id = match page.ids.is_empty() {
        true => "",
        // `Page::check` has found text.
        false => str::from_utf8(page.ids.get(at)).unwrap_or_default(),
    };
    let id = match id {
        "" => hex::encode(Sha256::digest(&payload))[..ID_DIGITS].to_owned(),
        id => id.to_owned(),
    };
    let key = match page.keys.is_empty() {
        true => None,
        false => Some(Bytes::copy_from_slice(page.keys.get(at))).filter(|key| !key.is_empty()),
    };
    let attributes = match page.attributes.ends.is_empty() {
        true => Vec::new(),
        false => {
            let pairs = page.attributes.get(at);
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        }
    };
    Event {
        key,
        attributes,
        content_type: String::new(),
        ..Event::json(ENDPOINT, id, payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_without_an_id_has_one_of_its_payload() {
        let mut page = Page::default();
        for (payload, id) in [("a", "1"), ("b", ""), ("b", "")] {
            page.payloads.push(payload.as_bytes());
            page.ids.push(id.as_bytes());
        }
        page.keys.push(b"k");
        page.keys.push(b"");
        page.keys.push(b"");
        page.attributes.push([("page", "7")]);
        page.attributes.push([]);
        page.attributes.push([]);
        page.check().expect("a page");
        let events = events(&page);
        assert_eq!(
            (events[0].id.as_str(), events[0].key.as_deref()),
            ("1", Some(&b"k"[..]))
        );
        assert_eq!(events[0].attributes, [("page".to_owned(), "7".to_owned())]);
        assert_eq!((events[1].id.len(), &events[1].id), (ID_DIGITS, &events[2].id));
        assert_eq!(events[1].key, None);
    }
}
