//! Requests, as they are before an attempt.

use std::sync::Arc;

use bytes::Bytes;
use danube_wasm_egress_common::Item as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header::CONTENT_TYPE};

use super::Endpoint;
use crate::{item::Item, message_id::MessageId};

const RECORD_ID: HeaderName = HeaderName::from_static("x-danube-id");
const ORDER: HeaderName = HeaderName::from_static("x-danube-order");

/// A request, without what is different at each attempt.
pub(crate) struct Outgoing {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) id: Arc<MessageId>,
    pub(super) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(super) has_several: bool,
}

impl Endpoint {
    /// The request of one write. The error refuses it.
    pub(crate) fn single(&self, item: &Item) -> Result<Outgoing, String> {
        let write = item.write();
        let method = self.config.method_of(write.operation);
        let mut headers = self.headers.clone();
        // As text that every receiver reads alike, or not at all: the id that counts is `webhook-id`.
        let is_plain = write.id.bytes().all(|byte| byte.is_ascii_graphic());
        if let (true, Ok(id)) = (is_plain, HeaderValue::from_str(&write.id)) {
            headers.insert(RECORD_ID, id);
        }
        if write.order > 0 {
            headers.insert(ORDER, HeaderValue::from(write.order));
        }
        let is_delete = method == Method::DELETE;
        if is_delete {
            headers.remove(CONTENT_TYPE);
        }
        Ok(Outgoing {
            uri: self.config.url.uri(&write.id)?,
            id: item.id.clone(),
            headers,
            body: if is_delete { Bytes::new() } else { write.body.clone() },
            method,
            has_several: false,
        })
    }

    /// The request of some writes, of one method.
    pub(crate) fn several(&self, items: &[&Item], body: Bytes) -> Result<Outgoing, String> {
        let operation = items.first().map(|item| item.write().operation).unwrap_or_default();
        Ok(Outgoing {
            method: self.config.method_of(operation),
            uri: self.config.url.uri("")?,
            id: Arc::new(MessageId::of_request(items.iter().map(|item| item.write()))),
            headers: self.headers.clone(),
            body,
            has_several: true,
        })
    }
}
