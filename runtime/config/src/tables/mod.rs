//! The tables of the file, one type each, in the file's own order.

pub mod buffer;
pub mod component;
pub mod component_config;
pub mod danube;
pub mod dead_letters;
pub mod host;
pub mod instance;
pub(crate) mod kind;
pub mod limits;
pub mod nats;
pub mod pipeline;
pub mod schema;
pub mod schema_file;
pub mod service_url;
pub mod sink;
pub mod source;
pub mod version;
