//! From the contract's functions to a connector's methods.

use std::{
    cell::{OnceCell, RefCell},
    panic,
    sync::Once,
};

use crate::{
    Batch, Column, Error, Events, PageBuilder, PollingSource, RecordBuilder, SinkConnector, SourceConnector,
    WriteBuilder,
    bindings::{
        poller,
        sink::{MessageBatch, WriteBatch},
        source::{EventBatch, RecordBatch},
        types::{Configuration, ConsumerConfig, Failure, Interests, ProducerConfig},
    },
    log,
};

/// The exports that every source has.
#[doc(hidden)]
#[macro_export]
#[rustfmt::skip]
macro_rules! __source_exports {
    ($component:ident, $slot:ident) => {
        impl $crate::bindings::source::Guest for $component {
            fn initialize(
                config: $crate::bindings::types::Configuration,
            ) -> ::std::result::Result<$crate::bindings::types::Interests, $crate::bindings::types::Failure>
            {
                $slot.with(|slot| slot.initialize(config))
            }

            fn producer_configs() -> ::std::result::Result<
                ::std::vec::Vec<$crate::bindings::types::ProducerConfig>,
                $crate::bindings::types::Failure,
            > {
                $slot.with(|slot| slot.producer_configs())
            }

            fn poll(
                events: $crate::bindings::source::EventBatch,
            ) -> ::std::result::Result<$crate::bindings::source::RecordBatch, $crate::bindings::types::Failure>
            {
                $slot.with(|slot| slot.poll(&events))
            }
        }
    };
}

/// Exports a [`SourceConnector`] as world `source-connector`. Once in a crate; does nothing in a native build.
#[macro_export]
#[rustfmt::skip]
macro_rules! export_source {
    ($connector:ty) => {
        const _: () = {
            struct Component;

            ::std::thread_local! {
                static SLOT: $crate::__private::SourceSlot<$connector> =
                    const { $crate::__private::SourceSlot::new() };
            }

            $crate::__source_exports!(Component, SLOT);

            #[cfg(target_arch = "wasm32")]
            $crate::bindings::source_world::export!(Component with_types_in $crate::bindings::source_world);

            // A native build exports nothing, but the connector is not dead code there.
            #[cfg(not(target_arch = "wasm32"))]
            #[used]
            static IN_USE: fn($crate::Config) -> $crate::Result<$connector> =
                <$connector as $crate::SourceConnector>::initialize;
        };
    };
}

/// Exports a [`PollingSource`](crate::PollingSource) as world `polling-source-connector`. Once in a crate, in place of
/// [`export_source!`](crate::export_source); does nothing in a native build.
#[macro_export]
#[rustfmt::skip]
macro_rules! export_polling_source {
    ($connector:ty) => {
        const _: () = {
            struct Component;

            ::std::thread_local! {
                static SLOT: $crate::__private::SourceSlot<$connector> =
                    const { $crate::__private::SourceSlot::new() };
            }

            $crate::__source_exports!(Component, SLOT);

            impl $crate::bindings::poller::Guest for Component {
                fn fetch(
                    room: $crate::bindings::poller::Room,
                ) -> ::std::result::Result<$crate::bindings::poller::Page, $crate::bindings::types::Failure> {
                    SLOT.with(|slot| slot.fetch(room))
                }
            }

            #[cfg(target_arch = "wasm32")]
            $crate::bindings::source_world::export!(Component with_types_in $crate::bindings::source_world);
            #[cfg(target_arch = "wasm32")]
            $crate::bindings::poller_world::export!(Component with_types_in $crate::bindings::poller_world);

            // A native build exports nothing, but the connector is not dead code there.
            #[cfg(not(target_arch = "wasm32"))]
            #[used]
            static IN_USE: fn($crate::Config) -> $crate::Result<$connector> =
                <$connector as $crate::SourceConnector>::initialize;
        };
    };
}

/// Exports a [`SinkConnector`] as world `sink-connector`. Once in a crate; does nothing in a native build.
#[macro_export]
#[rustfmt::skip]
macro_rules! export_sink {
    ($connector:ty) => {
        const _: () = {
            struct Component;

            ::std::thread_local! {
                static SLOT: $crate::__private::SinkSlot<$connector> = const { $crate::__private::SinkSlot::new() };
            }

            impl $crate::bindings::sink::Guest for Component {
                fn initialize(
                    config: $crate::bindings::types::Configuration,
                ) -> ::std::result::Result<$crate::bindings::types::Interests, $crate::bindings::types::Failure>
                {
                    SLOT.with(|slot| slot.initialize(config))
                }

                fn consumer_configs() -> ::std::result::Result<
                    ::std::vec::Vec<$crate::bindings::types::ConsumerConfig>,
                    $crate::bindings::types::Failure,
                > {
                    SLOT.with(|slot| slot.consumer_configs())
                }

                fn process_batch(
                    messages: $crate::bindings::sink::MessageBatch,
                ) -> ::std::result::Result<$crate::bindings::sink::WriteBatch, $crate::bindings::types::Failure>
                {
                    SLOT.with(|slot| slot.process_batch(&messages))
                }
            }

            #[cfg(target_arch = "wasm32")]
            $crate::bindings::sink_world::export!(Component with_types_in $crate::bindings::sink_world);

            // A native build exports nothing, but the connector is not dead code there.
            #[cfg(not(target_arch = "wasm32"))]
            #[used]
            static IN_USE: fn($crate::Config) -> $crate::Result<$connector> =
                <$connector as $crate::SinkConnector>::initialize;
        };
    };
}

/// Where an instance keeps its source connector between calls.
#[derive(Debug)]
pub struct SourceSlot<C>(Slot<C>);

impl<C> SourceSlot<C> {
    /// An empty one.
    pub const fn new() -> Self {
        Self(Slot(OnceCell::new()))
    }
}

impl<C> Default for SourceSlot<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: SourceConnector> SourceSlot<C> {
    /// `initialize` of the contract.
    pub fn initialize(&self, config: Configuration) -> Result<Interests, Failure> {
        log_panics();
        let connector = C::initialize(config.into())?;
        let wants = names(connector.wants());
        self.0.fill(connector)?;
        Ok(wants)
    }

    /// `producer-configs` of the contract.
    pub fn producer_configs(&self) -> Result<Vec<ProducerConfig>, Failure> {
        self.0.with(|connector| {
            let configs = connector.producer_configs()?;
            Ok(configs.into_iter().map(Into::into).collect())
        })
    }

    /// `poll` of the contract.
    pub fn poll(&self, batch: &EventBatch) -> Result<RecordBatch, Failure> {
        self.0.with(|connector| {
            let events = Events::new(batch);
            let mut records = RecordBuilder::new();
            connector.poll(events, &mut records)?;
            Ok(records.finish(events.len()))
        })
    }
}

impl<C: PollingSource> SourceSlot<C> {
    /// `fetch` of the contract.
    pub fn fetch(&self, room: poller::Room) -> Result<poller::Page, Failure> {
        self.0.with(|connector| {
            let mut page = PageBuilder::new();
            connector.fetch(room.into(), &mut page)?;
            Ok(page.finish())
        })
    }
}

/// Where an instance keeps its sink connector between calls.
#[derive(Debug)]
pub struct SinkSlot<C>(Slot<C>);

impl<C> SinkSlot<C> {
    /// An empty one.
    pub const fn new() -> Self {
        Self(Slot(OnceCell::new()))
    }
}

impl<C> Default for SinkSlot<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: SinkConnector> SinkSlot<C> {
    /// `initialize` of the contract.
    pub fn initialize(&self, config: Configuration) -> Result<Interests, Failure> {
        log_panics();
        let connector = C::initialize(config.into())?;
        let wants = names(connector.wants());
        self.0.fill(connector)?;
        Ok(wants)
    }

    /// `consumer-configs` of the contract.
    pub fn consumer_configs(&self) -> Result<Vec<ConsumerConfig>, Failure> {
        self.0.with(|connector| {
            let configs = connector.consumer_configs()?;
            Ok(configs.into_iter().map(Into::into).collect())
        })
    }

    /// `process-batch` of the contract.
    pub fn process_batch(&self, messages: &MessageBatch) -> Result<WriteBatch, Failure> {
        self.0.with(|connector| {
            let batch = Batch::new(messages);
            let mut writes = WriteBuilder::new();
            connector.process_batch(batch, &mut writes)?;
            Ok(writes.finish(batch.len()))
        })
    }
}

/// A connector once it has been made.
#[derive(Debug)]
struct Slot<C>(OnceCell<RefCell<C>>);

impl<C> Slot<C> {
    fn fill(&self, connector: C) -> Result<(), Error> {
        let twice = |_| Error::fatal("`initialize` was called twice on one instance");
        self.0.set(RefCell::new(connector)).map_err(twice)
    }

    fn with<T>(&self, call: impl FnOnce(&mut C) -> Result<T, Error>) -> Result<T, Failure> {
        let connector = self
            .0
            .get()
            .ok_or_else(|| Error::fatal("`initialize` has not been called"))?;
        // A component is never called while a call of it runs.
        Ok(call(&mut connector.borrow_mut())?)
    }
}

fn names(columns: Vec<Column>) -> Interests {
    columns.into_iter().map(|column| column.name().to_owned()).collect()
}

/// Logs the message of a panic before it becomes a trap, whose own message names no cause.
fn log_panics() {
    static ONCE: Once = Once::new();
    if cfg!(target_arch = "wasm32") {
        ONCE.call_once(|| {
            panic::set_hook(Box::new(|info| {
                let place = info.location().map(ToString::to_string).unwrap_or_default();
                log::log(
                    log::Level::Error,
                    &one_line(&place, info.payload_as_str().unwrap_or_default()),
                );
            }));
        });
    }
}

/// What panicked, on one line: a log has lines, and a failed assertion's message has several.
fn one_line(place: &str, message: &str) -> String {
    let lines: Vec<_> = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    format!("panicked at {place}: {}", lines.join("; "))
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn a_panic_is_one_line() {
        let message = "assertion `left == right` failed\n  left: 1\n right: 2";
        assert_eq!(
            one_line("src/lib.rs:7:5", message),
            "panicked at src/lib.rs:7:5: assertion `left == right` failed; left: 1; right: 2"
        );
    }
}
