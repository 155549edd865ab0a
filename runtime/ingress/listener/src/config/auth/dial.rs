//! Where keys may be fetched: the table `dial`.

use danube_wasm_egress_dial::{
    Dialer,
    config::{Guard, TlsTexts},
};
use danube_wasm_settings::{Section, Table};

use crate::Fetcher;

/// Where keys may be fetched, and whom to trust there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialConfig {
    guard: Guard,
    tls: TlsTexts,
}

impl Section for DialConfig {
    const ABOUT: &'static str = "Where the keys of `jwks_url` may be fetched, and whom to trust there.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let guard = Guard::read(t);
        let tls = t.group("tls").optional::<TlsTexts>().unwrap_or_default();
        Some(Self { guard: guard?, tls })
    }
}

impl DialConfig {
    /// As it says.
    pub(crate) fn fetcher(&self) -> Result<Fetcher, String> {
        Fetcher::try_new(Dialer::new(self.guard.policy()), &self.tls.settings())
    }
}
