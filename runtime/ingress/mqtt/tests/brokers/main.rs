//! The source `mqtt` at its door: its table as a file has it, the pipeline's driver and the embedded log, against real brokers and an
//! independent publisher (`make servers`).

mod delivery;
mod freezes;
mod limits;
mod logins;
mod messages;
mod old;
mod refusals;
mod sessions;
mod strict;
mod subscriptions;
mod support;
mod tls;
mod websocket;
