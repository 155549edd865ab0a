//! Which addresses are connected to.

use std::{
    io,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use danube_wasm_egress_dial::{Dialer, Resolver};
use danube_wasm_egress_http::HttpEgress;

use crate::support::{config, inserts, later, one, report, server::Server, sink, try_write, unfit};

/// DNS that gives these addresses for every name.
struct Names(Vec<IpAddr>);

#[async_trait]
impl Resolver for Names {
    async fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(self.0.clone())
    }
}

fn resolving(text: &str, addresses: &[&str]) -> HttpEgress {
    let config = config(text);
    let names = Names(addresses.iter().map(|ip| ip.parse().expect("an address")).collect());
    HttpEgress::new(&config, &Dialer::with_resolver(config.guard.policy(), names)).expect("it opens")
}

const PUBLIC: &str = "networks = \"public\"\n";

#[tokio::test]
async fn with_public_networks_no_private_address_is_connected_to_however_it_is_written() {
    let server = Server::start(|_, _| 200.into()).await;
    let port = server.address.port();
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "localhost",
        "0.0.0.0",
    ] {
        let text = PUBLIC.to_owned() + &one(&format!("http://{host}:{port}/"), "timeout_ms = 2000");
        let message = unfit(try_write(&sink(&text), &inserts(1)).await);
        assert!(
            message.contains("`allow_networks`") && message.contains("endpoint `a`"),
            "{message}"
        );
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_not_connected_to() {
    let server = Server::start(|_, _| 200.into()).await;
    let text = PUBLIC.to_owned() + &one(&format!("http://hooks.example:{}/", server.address.port()), "");
    for addresses in [
        vec!["127.0.0.1"],
        vec!["10.0.0.7"],
        vec!["169.254.169.254"],
        vec!["::1"],
    ] {
        let message = unfit(try_write(&resolving(&text, &addresses), &inserts(1)).await);
        assert!(message.contains("hooks.example"), "{message}");
    }
    assert_eq!(server.connections(), 0);
}

/// DNS that gives an address that is allowed when it is asked first, and another one from then on.
#[derive(Clone, Default)]
struct Rebinding(Arc<AtomicUsize>);

#[async_trait]
impl Resolver for Rebinding {
    async fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let address = match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => [127, 0, 0, 2],
            _ => [127, 0, 0, 1],
        };
        Ok(vec![address.into()])
    }
}

/// synapticcybersecurity/hekate#56, deskhq/the-desk#555, cvat-ai/cvat#6362: a name was checked, then resolved again to be connected
/// to.
#[tokio::test]
async fn a_name_that_leads_elsewhere_once_it_was_checked_is_not_connected_to() {
    let server = Server::start(|_, _| 200.into()).await;
    let url = format!("http://hooks.example:{}/", server.address.port());
    let config = config(&format!("{PUBLIC}allow_networks = [\"127.0.0.2\"]\n{}", one(&url, "")));
    let names = Rebinding::default();
    let sink = || {
        let dialer = Dialer::with_resolver(config.guard.policy(), names.clone());
        HttpEgress::new(&config, &dialer).expect("it opens")
    };
    // Nobody listens at the address that was checked, and it is the one that is connected to.
    let first = report(&sink(), &inserts(1)).await;
    assert!(later(&first).0.contains("refused"), "{first:?}");
    assert_eq!(names.0.load(Ordering::SeqCst), 1, "asked once");
    let message = unfit(try_write(&sink(), &inserts(1)).await);
    assert!(message.contains("hooks.example"), "{message}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn what_the_operator_allows_is_connected_to_and_what_he_denies_is_not() {
    let server = Server::start(|_, _| 200.into()).await;
    let url = format!("http://hooks.example:{}/", server.address.port());
    for allowed in ["127.0.0.1", "127.0.0.0/8", "hooks.example"] {
        let text = format!("{PUBLIC}allow_networks = [\"{allowed}\"]\n{}", one(&url, ""));
        assert_eq!(
            report(&resolving(&text, &["127.0.0.1"]), &inserts(1)).await,
            Default::default()
        );
    }
    let text = format!("deny_networks = [\"127.0.0.0/8\"]\n{}", one(&url, ""));
    let message = unfit(try_write(&resolving(&text, &["127.0.0.1"]), &inserts(1)).await);
    assert!(message.contains("`deny_networks`"), "{message}");
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn metadata_services_are_never_connected_to_by_default() {
    for host in ["169.254.169.254", "[fd00:ec2::254]"] {
        let message = unfit(try_write(&sink(&one(&format!("http://{host}/latest/"), "")), &inserts(1)).await);
        assert!(message.contains("metadata"), "{message}");
    }
}

#[tokio::test]
async fn the_issuer_of_tokens_is_guarded_too() {
    let issuer = Server::start(|_, _| 200.into()).await;
    let keys = format!(
        "auth = {{ type = \"oauth2\", token_url = \"{}\", client_id = \"c\", client_secret = \"s\" }}",
        issuer.url("/")
    );
    let text = PUBLIC.to_owned() + &one("https://hooks.example/", &keys);
    let message = unfit(try_write(&sink(&text), &inserts(1)).await);
    assert!(message.contains("issuer"), "{message}");
    assert_eq!(issuer.connections(), 0);
}
