//! Proxies in the environment.

use std::process::Command;

use danube_wasm_egress_dial::Redirects;
use rustls::ClientConfig;

use crate::support::{
    ALLOWED, assert_denied,
    certs::trusting,
    client, dialer,
    dns::ScriptedResolver,
    server::{Answer, Server},
};
use danube_wasm_test_certs::Authority;

const PROXIED: &str = "http://nowhere.invalid/";
const TARGET: &str = "DIAL_TEST_TARGET_PORT";
const NAMES: [&str; 6] = [
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
];

/// Uses a process of its own, because all tests of a process share its environment.
#[tokio::test(flavor = "multi_thread")]
async fn proxies_of_the_environment_are_not_used() {
    let target = Server::start(ALLOWED, |_| Answer::ok()).await;
    let proxy = Server::start(ALLOWED, |_| Answer::ok()).await;
    let url = format!("http://{ALLOWED}:{}", proxy.port());
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args([
        "--exact",
        "proxies::with_proxies_in_the_environment",
        "--ignored",
        "--nocapture",
    ]);
    child
        .env(TARGET, target.port().to_string())
        .envs(NAMES.map(|name| (name, &url)));
    child.env_remove("NO_PROXY").env_remove("no_proxy");
    let done = tokio::task::spawn_blocking(move || child.output())
        .await
        .unwrap()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    assert!(String::from_utf8_lossy(&done.stdout).contains("1 passed"));
    assert_eq!(target.requests().len(), 2, "both went straight to the target");
    let by_reqwest_itself = (PROXIED.to_owned(), "nowhere.invalid".to_owned());
    assert_eq!(proxy.requests(), [by_reqwest_itself]);
}

#[tokio::test]
#[ignore = "runs in the process that the test above starts"]
async fn with_proxies_in_the_environment() {
    let port = std::env::var(TARGET).unwrap();
    let dns = ScriptedResolver::default().answering("shop.example", &[ALLOWED]);
    let client = client(&dialer(&dns), Redirects::None);
    for host in ["shop.example", ALLOWED] {
        let answer = client.get(format!("http://{host}:{port}/")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    for url in ["http://10.0.0.7/", "https://10.0.0.7/"] {
        assert_denied(&client.get(url).send().await.expect_err(url), &["10.0.0.7"]);
    }
    // Shows that reqwest reads this environment: its default client uses the proxy.
    let proxied =
        reqwest::Client::builder().tls_backend_preconfigured(ClientConfig::clone(&trusting(&Authority::new(), None)));
    let answer = proxied.build().unwrap().get(PROXIED).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}
