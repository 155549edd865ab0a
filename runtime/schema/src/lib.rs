//! Schemas: subjects and versions in the broker's registry, validators compiled once for each version, and the forms that
//! payloads have on the wire and to components.
//!
//! Every record passes [`Validator::encode`] before it is published, and every message [`Validator::decode`] before a
//! component sees it. Both schemas and payloads come from tenants, and are taken to be hostile: see [`limits`] for what
//! bounds each, and [`strict`] for the JSON that is accepted at all. Nothing here knows what a payload means, and
//! nothing fetches anything.

mod avro;
mod bounds;
mod codec;
mod declaration;
mod error;
mod evolution;
mod exact;
mod json_schema;
pub mod limits;
mod protobuf;
mod recall;
mod schemas;
pub mod strict;
mod validator;
mod violations;

pub use codec::{SchemaType, UnknownSchemaType};
pub use declaration::{Declaration, VersionStrategy};
pub use error::SchemaError;
pub use protobuf::with_message;
pub use recall::{Confirmation, Declared, Recalled};
pub use schemas::{Schemas, examine};
pub use validator::Validator;
