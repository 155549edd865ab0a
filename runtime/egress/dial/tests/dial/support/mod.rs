//! Fakes of what the dialer talks to: DNS, servers, a certificate authority.

pub mod certs;
pub mod dns;
pub mod server;

use std::{error::Error, future::Future, net::IpAddr, time::Duration};

use danube_wasm_egress_dial::{Denial, DialError, DialPolicy, Dialer, Redirects, TlsSettings};

use self::dns::ScriptedResolver;

pub const DEADLINE: Duration = Duration::from_secs(20);

/// Represents the public internet.
pub const ALLOWED: &str = "127.0.0.1";
/// An address that may not be dialed.
pub const DENIED: &str = "127.0.0.2";

/// The policy of these tests: public addresses, and [`ALLOWED`].
pub fn policy() -> DialPolicy {
    DialPolicy::public_only().with_allowed("127.0.0.1/32".parse().unwrap())
}

pub fn dialer(dns: &ScriptedResolver) -> Dialer {
    Dialer::with_resolver(policy(), dns.clone())
}

pub fn client(dialer: &Dialer, redirects: Redirects) -> reqwest::Client {
    // Trusts another authority than that of any server here, for tests without TLS.
    let ca_pem = Some(certs::pem(&danube_wasm_test_certs::Authority::new()));
    let tls = TlsSettings { ca_pem, identity: None }.client_config().unwrap();
    dialer.http_client(&tls, redirects).timeout(DEADLINE).build().unwrap()
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// Panics with `what` after the deadline.
pub async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(DEADLINE, work).await;
    done.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Returns the denied addresses in `error`.
pub fn denials<'a>(error: &'a (dyn Error + 'static)) -> &'a [Denial] {
    match DialError::within(error) {
        Some(DialError::Denied { denied, .. }) => denied,
        other => panic!("not a refusal: {error:?}, of {other:?}"),
    }
}

/// Asserts that `error` is a refusal of exactly these addresses.
pub fn assert_denied(error: &(dyn Error + 'static), addresses: &[&str]) {
    let found: Vec<_> = denials(error).iter().map(|denial| denial.address).collect();
    assert_eq!(found, addresses.iter().map(|text| ip(text)).collect::<Vec<_>>());
}
