//! A broker with Danube's own ways, where `danube-wasm broker` has others: namespaces, permissions, an admin API.

#[path = "../../../broker/danube/tests/support/mod.rs"]
mod danube;

use tokio::runtime::Runtime;

use self::danube::admin::Operated;
pub use self::danube::{Act, Wire};

/// The broker and its admin API. Its one namespace is `default`, whichever others it is told to list.
pub struct Fake {
    pub wire: Wire,
    pub admin: Operated,
    pub admin_url: String,
    _runtime: Runtime,
}

impl Fake {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let (wire, (admin, admin_url)) = runtime.block_on(async { (Wire::start().await, Operated::start().await) });
        Self {
            wire,
            admin,
            admin_url,
            _runtime: runtime,
        }
    }

    pub fn address(&self) -> String {
        self.wire.address.to_string()
    }
}
