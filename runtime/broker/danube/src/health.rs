//! The sessions that are lost at present. The client is not ready while there is one.

use std::{collections::BTreeMap, sync::Arc};

use danube_wasm_broker::BrokerError;
use parking_lot::Mutex;

/// The lost sessions of a client, with errors.
#[derive(Debug, Clone, Default)]
pub(crate) struct Health(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    down: BTreeMap<u64, BrokerError>,
}

impl Health {
    /// Registers a session: healthy until reported otherwise, removed when dropped.
    pub(crate) fn session(&self) -> SessionHealth {
        let mut state = self.0.lock();
        state.next += 1;
        SessionHealth {
            health: self.clone(),
            number: state.next,
        }
    }

    /// Why the session that was opened first of those that are down is down.
    pub(crate) fn reason(&self) -> Option<BrokerError> {
        self.0.lock().down.values().next().cloned()
    }
}

/// How one session is.
#[derive(Debug)]
pub(crate) struct SessionHealth {
    health: Health,
    number: u64,
}

impl SessionHealth {
    pub(crate) fn up(&self) {
        self.health.0.lock().down.remove(&self.number);
    }

    pub(crate) fn down(&self, why: BrokerError) {
        self.health.0.lock().down.insert(self.number, why);
    }
}

impl Drop for SessionHealth {
    fn drop(&mut self) {
        self.up();
    }
}
