//! The sessions of clients: open producers, subscribed consumers, and what each consumer's stream has delivered.

mod consumer;
mod consumers;
mod deliveries;
mod producers;

pub(crate) use consumer::ConsumerSession;
pub(crate) use consumers::Consumers;
pub(crate) use deliveries::Deliveries;
pub(crate) use producers::Producers;
