//! DNS that answers with a public address first and with a private one afterwards.

use danube_wasm_egress_dial::Redirects;

use crate::support::{
    ALLOWED, DEADLINE, DENIED, assert_denied, client, dialer,
    dns::ScriptedResolver,
    server::{Answer, Server},
};

fn rebinding() -> ScriptedResolver {
    ScriptedResolver::default()
        .answering("rebind.example", &[ALLOWED])
        .answering("rebind.example", &[DENIED])
}

#[tokio::test]
async fn a_dial_resolves_once_and_connects_to_the_checked_address() {
    let (server, victim) = Server::pair(ALLOWED).await;
    let dns = rebinding();
    let stream = dialer(&dns)
        .connect("rebind.example", server.port(), DEADLINE)
        .await
        .unwrap();
    assert_eq!(stream.peer_addr().unwrap(), server.address);
    assert_eq!(dns.asked(), ["rebind.example"]);
    let error = dialer(&dns)
        .connect("rebind.example", server.port(), DEADLINE)
        .await
        .expect_err("rebound");
    assert_denied(&error, &[DENIED]);
    victim.assert_untouched().await;
}

#[tokio::test]
async fn an_http_client_resolves_once_a_connection_and_connects_to_the_checked_address() {
    let (server, victim) = Server::pair(ALLOWED).await;
    let dns = rebinding();
    let url = format!("http://rebind.example:{}/", server.port());
    let send = || client(&dialer(&dns), Redirects::None).get(&url).send();
    assert_eq!(send().await.unwrap().status(), 200);
    assert_eq!(dns.asked(), ["rebind.example"]);
    let error = send().await.expect_err("a client of its own dials again");
    assert_denied(&error, &[DENIED]);
    victim.assert_untouched().await;
}

#[tokio::test]
async fn a_redirect_to_the_same_name_is_resolved_and_checked_again() {
    let victim = Server::start(DENIED, |_| Answer::ok()).await;
    let location = format!("http://rebind.example:{}/", victim.port());
    let server = Server::start(ALLOWED, move |_| Answer::redirect(302, &location)).await;
    let url = format!("http://rebind.example:{}/", server.port());
    let sent = client(&dialer(&rebinding()), Redirects::Checked { max: 5 })
        .get(url)
        .send()
        .await;
    assert_denied(&sent.expect_err("rebound"), &[DENIED]);
    victim.assert_untouched().await;
}
