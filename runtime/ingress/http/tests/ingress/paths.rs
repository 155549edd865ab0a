//! Paths with parameters, and parameters of queries.

use danube_wasm_ingress_http::EndpointOptions;

use crate::support::{Records, Server};

fn attribute(server: &Server, name: &str) -> Option<String> {
    let event = server.inbox.events().pop().expect("an event");
    let pairs = event.attributes.into_iter();
    pairs.filter(|(own, _)| own == name).map(|(_, value)| value).next()
}

#[tokio::test]
async fn a_parameter_stands_for_one_part() {
    let server = Server::start(|endpoint| endpoint.path = "/webhooks/{tenant}/orders".into()).await;
    assert_eq!(
        server
            .send("POST", "/webhooks/acme%20ltd/orders", &[], "{}")
            .await
            .status,
        200
    );
    assert_eq!(attribute(&server, "path.tenant").as_deref(), Some("acme ltd"));
    assert_eq!(
        attribute(&server, "path").as_deref(),
        Some("/webhooks/acme%20ltd/orders")
    );
    let event = server.inbox.events().pop().unwrap();
    assert_eq!(
        &*event.endpoint, "/webhooks/{tenant}/orders",
        "the endpoint is the same for all tenants"
    );
    for other in [
        "/webhooks//orders",
        "/webhooks/a/b/orders",
        "/webhooks/a/orders/",
        "/webhooks/orders",
        "/webhooks/a/Orders",
    ] {
        assert_eq!(server.send("POST", other, &[], "{}").await.status, 404, "{other}");
    }
}

#[tokio::test]
async fn a_path_without_parameters_comes_first() {
    let server = Server::start(|_| {}).await;
    let endpoint = |path: &str| server.endpoint(EndpointOptions::new(path));
    let paths = ["/{tenant}/orders", "/acme/orders", "/{tenant}/refunds"];
    server.listener.set_routes(paths.map(endpoint)).expect("all differ");
    for (path, wanted) in [
        ("/acme/orders", paths[1]),
        ("/other/orders", paths[0]),
        ("/acme/refunds", paths[2]),
    ] {
        assert_eq!(server.send("POST", path, &[], "{}").await.status, 200);
        assert_eq!(&*server.inbox.events().pop().unwrap().endpoint, wanted);
    }
    let error = server
        .listener
        .set_routes(["/{a}/orders", "/{b}/orders"].map(endpoint))
        .unwrap_err();
    assert!(error.to_string().contains("/{b}/orders"), "{error}");
}

#[tokio::test]
async fn metrics_have_the_pattern_not_the_path() {
    let records = Records::new();
    let observer = records.clone();
    let server = Server::start_with(
        |options| options.observer = observer,
        |endpoint| endpoint.path = "/{tenant}".into(),
    )
    .await;
    assert_eq!(server.send("POST", "/acme", &[], "{}").await.status, 200);
    records.holds("/{tenant}", 200, 2).await;
}

#[tokio::test]
async fn parameters_of_the_query_are_given_where_they_are_asked_for() {
    let server = Server::start(|endpoint| endpoint.query = vec!["site".to_owned(), "none".to_owned()]).await;
    assert_eq!(
        server
            .send("POST", "/hook?other=1&site=B%26B&site=2", &[], "{}")
            .await
            .status,
        200
    );
    assert_eq!(attribute(&server, "query.site").as_deref(), Some("B&B"));
    assert_eq!(
        (attribute(&server, "query.none"), attribute(&server, "query.other")),
        (None, None)
    );
    assert_eq!(
        attribute(&server, "query").as_deref(),
        Some("other=1&site=B%26B&site=2")
    );
}
