//! What a record's key and value become.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    config::{KeyFormat, RouteConfig, ValueFormat},
    consumer::Record,
    framing::{self, unframe},
    registry::{Entry, Registry, decode, key_text},
};

/// Key and value as an event has them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) key: Option<Bytes>,
    pub(crate) value: Bytes,
    /// The value has become JSON.
    pub(crate) is_json: bool,
    pub(crate) schema_id: Option<u32>,
    pub(crate) key_schema_id: Option<u32>,
    /// Empty where there is none.
    pub(crate) message_index: Vec<i32>,
    /// Why it cannot be taken; then what there is stays as it is.
    pub(crate) refused: Option<String>,
}

/// The schemas that a record was written with, as far as it names any.
#[derive(Debug, Default)]
pub(crate) struct Written {
    key: Option<Arc<Entry>>,
    value: Option<Arc<Entry>>,
}

impl Written {
    /// What is known of them; the error is an id of which nothing is known yet.
    pub(crate) fn find(record: &Record, route: &RouteConfig, registry: Option<&Registry>) -> Result<Self, u32> {
        let Some(registry) = registry else {
            return Ok(Self::default());
        };
        let entry = |bytes: &Option<Bytes>, is_framed: bool| {
            let id = bytes
                .as_ref()
                .filter(|_| is_framed)
                .and_then(|bytes| framing::header(bytes).ok());
            // Without an id it will be refused for that.
            let id = id.map(|(id, _)| id);
            id.map(|id| registry.get(id).ok_or(id)).transpose()
        };
        Ok(Self {
            key: entry(&record.key, route.key == KeyFormat::Registry)?,
            value: entry(&record.value, is_framed(route.value))?,
        })
    }
}

fn is_framed(format: ValueFormat) -> bool {
    match format {
        ValueFormat::Registry | ValueFormat::RegistryProtobuf => true,
        ValueFormat::Bytes | ValueFormat::Json => false,
    }
}

impl Contents {
    /// Of a record of this route. `has_registry` says whether there is one to decode with.
    pub(crate) fn of(record: &Record, route: &RouteConfig, written: &Written, has_registry: bool) -> Self {
        let mut contents = Self {
            key: record.key.clone(),
            value: record.value.clone().unwrap_or_default(),
            ..Self::default()
        };
        let taken = match record.headers.is_none() {
            true => Err("the name of a header is not UTF-8".to_owned()),
            false => contents.take_key(route, written).and_then(|()| match &record.value {
                Some(value) => contents.take_value(value, route, written, has_registry),
                None => Ok(()),
            }),
        };
        if let Err(why) = taken {
            contents.refused = Some(format!("record {} of {}: {why}", record.offset, record.partition));
        }
        contents
    }

    fn take_key(&mut self, route: &RouteConfig, written: &Written) -> Result<(), String> {
        let Some(key) = self.key.as_ref().filter(|_| route.key == KeyFormat::Registry) else {
            return Ok(());
        };
        let decoded = decoded(key, written.key.as_deref()).map_err(|why| format!("the key: {why}"))?;
        self.key_schema_id = Some(decoded.schema_id);
        self.key = Some(key_text(decoded.json));
        Ok(())
    }

    fn take_value(
        &mut self,
        value: &Bytes,
        route: &RouteConfig,
        written: &Written,
        has_registry: bool,
    ) -> Result<(), String> {
        if !is_framed(route.value) {
            return Ok(());
        }
        let of_value = |why| format!("the value: {why}");
        if has_registry {
            let decoded = decoded(value, written.value.as_deref()).map_err(of_value)?;
            self.schema_id = Some(decoded.schema_id);
            self.message_index = decoded.message_index;
            (self.value, self.is_json) = (decoded.json, true);
        } else {
            let framed = unframe(value, route.value == ValueFormat::RegistryProtobuf).map_err(of_value)?;
            self.schema_id = Some(framed.schema_id);
            self.message_index = framed.message_index;
            self.value = framed.body;
        }
        Ok(())
    }
}

fn decoded(bytes: &Bytes, entry: Option<&Entry>) -> Result<crate::registry::Decoded, String> {
    match entry {
        Some(entry) => decode(bytes, entry),
        None => Err(match framing::header(bytes) {
            Err(why) => why,
            Ok((id, _)) => format!("nothing is known of schema {id}"),
        }),
    }
}
