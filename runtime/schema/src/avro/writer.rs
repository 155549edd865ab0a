//! A schema that bare datums were written with, as messages behind a registry's id are.

use bytes::Bytes;
use danube_wasm_model::door::Violation;

use super::{
    decode,
    other_texts::OtherTexts,
    parse,
    refusal::Refusal,
    schema::{Kind, Schema},
};
use crate::{limits::PAYLOAD, violations};

/// Reads what it has written. Nothing is written with it, so its defaults are of no matter.
#[derive(Debug)]
pub(crate) struct Writer {
    schema: Schema,
}

impl Writer {
    /// Compiles a text and those that it takes types from, or says in a sentence why not.
    pub(crate) fn compile<'t>(text: &str, others: impl IntoIterator<Item = &'t str>) -> Result<Self, String> {
        let schema = parse::parse_with(text, OtherTexts::read(others)?)?;
        if schema
            .nodes
            .first()
            .is_some_and(|root| matches!(root.kind, Kind::Bytes))
        {
            return Err("a schema of nothing but `bytes` is written with their length by some clients and without it by others: \
                        write a record, or a `fixed`"
                .to_owned());
        }
        Ok(Self { schema })
    }

    /// JSON text of a bare datum. Nothing else is tried.
    pub(crate) fn decode(&self, datum: &[u8]) -> Result<Bytes, Violation> {
        if datum.len() > PAYLOAD.bytes_max {
            let message = format!("the datum has more than {} bytes", PAYLOAD.bytes_max);
            return Err(violations::whole(message));
        }
        decode::decode(&self.schema, datum)
            .map(Bytes::from)
            .map_err(Refusal::violation)
    }
}
