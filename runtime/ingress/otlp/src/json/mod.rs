//! OTLP/JSON: protobuf's canonical JSON with the deviations of OTLP's specification.
//!
//! Ids are hex, enums are numbers only, names are in lowerCamelCase only, and unknown names are ignored. What else is not as the
//! mapping says is refused with its path: a value that is quietly left out would be lost, and answered with success.
//!
//! One table for each message (`messages/`) says which field has which name and kind; it writes and reads the types that
//! `opentelemetry-proto` has. They are read and written without a tree or reflection in between, which would take ten times
//! a body's memory. Tests compare the tables with the descriptors, field by field.

mod kinds;
#[macro_use]
mod message;
mod messages;
mod number;
mod object;
mod read;

pub(crate) use message::Message;
pub(crate) use object::Object;
pub(crate) use read::read;

/// Writes a text, unless it is empty.
pub(crate) fn write_text(object: &mut Object<'_>, key: &'static str, text: &String) {
    object.field::<kinds::Text, String>(key, text);
}
