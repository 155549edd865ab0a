//! The sink at its door, against receivers at the other end of real sockets.

mod support;

mod auth;
mod config;
mod endpoints;
mod faults;
mod forms;
mod guard;
mod ids;
mod metrics;
mod nginx;
mod order;
mod pace;
mod probe;
mod results;
mod secrets;
mod standard_webhooks;
mod statuses;
mod tls;
