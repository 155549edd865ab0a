//! Redirects.

use danube_wasm_egress_dial::{DialError, Redirects};

use crate::{
    literals::{FORMS, IPV6},
    support::{
        ALLOWED, DENIED, assert_denied, client, denials, dialer,
        dns::ScriptedResolver,
        server::{Answer, Server},
    },
};

const CHECKED: Redirects = Redirects::Checked { max: 3 };

/// Starts a server that answers everything with this redirect, and returns it with its URL.
async fn redirecting(status: u16, location: String) -> (Server, String) {
    let server = Server::start(ALLOWED, move |_| Answer::redirect(status, &location)).await;
    let url = format!("http://{ALLOWED}:{}/", server.port());
    (server, url)
}

#[tokio::test]
async fn redirects_to_a_refused_address_in_any_form_are_refused() {
    let victim = Server::start(DENIED, |_| Answer::ok()).await;
    let dns = ScriptedResolver::default();
    let client = client(&dialer(&dns), CHECKED);
    for form in FORMS {
        let (_server, url) = redirecting(302, format!("http://{form}:{}/", victim.port())).await;
        let error = client.get(url).send().await.expect_err(form);
        assert_denied(&error, &[DENIED]);
        assert!(error.is_redirect(), "{form}: {error:?}");
    }
    for form in IPV6 {
        let (_server, url) = redirecting(302, format!("http://{form}:{}/", victim.port())).await;
        let error = client.get(url).send().await.expect_err(form);
        assert_eq!(denials(&error).len(), 1, "{form}");
    }
    victim.assert_untouched().await;
}

#[tokio::test]
async fn redirects_with_any_status_and_method_are_refused() {
    let victim = Server::start(DENIED, |_| Answer::ok()).await;
    let client = client(&dialer(&ScriptedResolver::default()), CHECKED);
    for status in [301, 302, 303, 307, 308] {
        let (_server, url) = redirecting(status, format!("//user@{DENIED}:{}/latest", victim.port())).await;
        for request in [client.get(&url), client.post(&url).body("{}")] {
            let error = request.send().await.expect_err("a refusal");
            assert_denied(&error, &[DENIED]);
        }
    }
    victim.assert_untouched().await;
}

#[tokio::test]
async fn redirects_to_a_name_with_refused_addresses_are_refused() {
    let victim = Server::start(DENIED, |_| Answer::ok()).await;
    let dns = ScriptedResolver::default().answering("inside.example", &[DENIED, "::1"]);
    let (_server, url) = redirecting(307, format!("http://inside.example:{}/", victim.port())).await;
    let error = client(&dialer(&dns), CHECKED)
        .get(url)
        .send()
        .await
        .expect_err("a refusal");
    assert_denied(&error, &[DENIED, "::1"]);
    victim.assert_untouched().await;
}

#[tokio::test]
async fn redirects_to_a_refused_address_over_https_are_refused() {
    let victim = Server::start(DENIED, |_| Answer::ok()).await;
    let client = client(&dialer(&ScriptedResolver::default()), CHECKED);
    for host in [DENIED, "[::ffff:127.0.0.2]"] {
        let (_server, url) = redirecting(302, format!("https://{host}:{}/", victim.port())).await;
        let error = client.get(url).send().await.expect_err(host);
        assert_denied(&error, &[DENIED]);
    }
    victim.assert_untouched().await;
}

#[tokio::test]
async fn a_refused_redirect_after_allowed_ones_is_refused() {
    let victim = Server::start(DENIED, |_| Answer::ok()).await;
    let last = format!("http://{DENIED}:{}/", victim.port());
    let server = Server::start(ALLOWED, move |path| match path {
        "/1" => Answer::redirect(302, "/2"),
        "/2" => Answer::redirect(302, "/3"),
        _ => Answer::redirect(302, &last),
    })
    .await;
    let url = format!("http://{ALLOWED}:{}/1", server.port());
    let error = client(&dialer(&ScriptedResolver::default()), CHECKED)
        .get(url)
        .send()
        .await;
    assert_denied(&error.expect_err("a refusal"), &[DENIED]);
    assert_eq!(server.requests().len(), 3);
    victim.assert_untouched().await;
}

#[tokio::test]
async fn allowed_redirects_are_followed() {
    let target = Server::start(ALLOWED, |_| Answer::ok()).await;
    let dns = ScriptedResolver::default().answering("next.example", &[DENIED, ALLOWED]);
    let (_server, url) = redirecting(302, format!("http://next.example:{}/found", target.port())).await;
    let answer = client(&dialer(&dns), CHECKED).get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(
        target.requests(),
        [("/found".to_owned(), format!("next.example:{}", target.port()))]
    );
}

#[tokio::test]
async fn redirects_are_followed_up_to_the_limit() {
    let server = Server::start(ALLOWED, |path| match path {
        "/0" => Answer::ok(),
        _ => Answer::redirect(302, &format!("/{}", path[1..].parse::<u32>().unwrap() - 1)),
    })
    .await;
    let client = client(&dialer(&ScriptedResolver::default()), CHECKED);
    let get = |redirects: u32| {
        client
            .get(format!("http://{ALLOWED}:{}/{redirects}", server.port()))
            .send()
    };
    assert_eq!(get(3).await.unwrap().status(), 200, "at the limit");
    let error = get(4).await.expect_err("one past it");
    let found = DialError::within(&error);
    assert!(
        matches!(found, Some(DialError::TooManyRedirects { max: 3, .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn redirects_are_returned_if_none_are_followed() {
    let victim = Server::start(DENIED, |_| Answer::ok()).await;
    let (_server, url) = redirecting(302, format!("http://{DENIED}:{}/", victim.port())).await;
    let answer = client(&dialer(&ScriptedResolver::default()), Redirects::None)
        .get(url)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 302);
    victim.assert_untouched().await;
}
