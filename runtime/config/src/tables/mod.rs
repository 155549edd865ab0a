//! The tables of the file, one type each, in the file's own order.

pub mod auth;
pub mod buffer;
pub mod component;
pub mod component_config;
pub mod danube;
pub mod dead_letters;
pub mod definition;
pub mod endpoint;
pub mod event_id;
pub mod host;
pub mod instance;
pub mod limits;
pub mod mapping;
pub mod pipeline;
pub mod schema;
pub mod service_url;
pub mod sink;
pub mod source;
pub mod surrealdb;
pub mod version;
pub mod webhook;
