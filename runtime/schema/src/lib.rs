//! Schemas: subjects and versions in the broker's registry, validators that are compiled once for each version, and the
//! encodings of payloads on the wire and for components.
//!
//! Every record passes [`Validator::encode`] before it is published, and every message [`Validator::decode`] before a
//! component gets it. Schemas and payloads come from tenants and may be hostile: [`limits`] bounds both, and [`strict`]
//! defines which JSON is accepted. Nothing here knows what a payload means, and nothing is fetched.

mod avro;
mod bounds;
mod codec;
mod declaration;
mod error;
mod evolution;
mod exact;
mod json_schema;
pub mod limits;
mod pointer;
mod protobuf;
mod recall;
mod schemas;
pub mod strict;
mod validator;
mod varint;
mod violations;
mod writer;

pub use codec::{SchemaType, UnknownSchemaType};
pub use declaration::{Declaration, VersionStrategy};
pub use error::SchemaError;
pub use protobuf::with_message;
pub use recall::{Confirmation, Declared, Recalled};
pub use schemas::{Schemas, examine};
pub use validator::Validator;
pub use writer::{WriterSchema, WriterText, WriterType};
