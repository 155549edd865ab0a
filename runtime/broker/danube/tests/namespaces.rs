//! Which namespaces there are, from brokers that answer as Danube's do.
#![allow(clippy::unwrap_used, reason = "in tests")]

mod support;

use std::{collections::BTreeSet, sync::Arc};

use danube_wasm_broker::{ErrorKind, Result};
use danube_wasm_broker_danube::{Danube, DanubeOptions};
use danube_wasm_proto::admin::{
    Empty, NamespaceListResponse,
    broker_admin_server::{BrokerAdmin, BrokerAdminServer},
};
use support::{Wire, soon};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status, transport::Server};

/// Lists these, or refuses.
struct Listing(Result<Vec<&'static str>, Status>);

#[tonic::async_trait]
impl BrokerAdmin for Listing {
    async fn list_namespaces(&self, _: Request<Empty>) -> Result<Response<NamespaceListResponse>, Status> {
        let namespaces = self.0.clone()?.into_iter().map(str::to_owned).collect();
        Ok(Response::new(NamespaceListResponse { namespaces }))
    }
}

async fn namespaces(listing: Result<Vec<&'static str>, Status>) -> Result<BTreeSet<String>> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = DanubeOptions::new(["http://127.0.0.1:1"]);
    options.admin_url = Some(format!("http://{}", listener.local_addr().unwrap()));
    let router = Server::builder().add_service(BrokerAdminServer::new(Listing(listing)));
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    tokio::spawn(router.serve_with_incoming(incoming));
    let client: Arc<Danube> = Danube::open(options).unwrap();
    soon(client.namespaces()).await
}

#[tokio::test]
async fn a_namespace_that_is_listed_for_each_of_its_topics_is_told_once() {
    let told = namespaces(Ok(vec!["default", "default", "empty", "system", "default"])).await;
    assert_eq!(Vec::from_iter(told.unwrap()), ["default", "empty", "system"]);
}

#[tokio::test]
async fn a_cluster_without_any_namespace_is_taken_for_a_broker_that_cannot_read_what_it_knows() {
    let error = namespaces(Ok(vec![])).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    assert!(error.message.contains("not even `default`"), "{error}");
}

#[tokio::test]
async fn a_missing_permission_is_said_with_its_cure() {
    let refused = Status::permission_denied("no binding grants ManageNamespace on Cluster for service_account:x");
    let error = namespaces(Err(refused)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    assert!(error.message.contains("bind a role with this permission"), "{error}");
}

#[tokio::test]
async fn without_its_url_and_at_the_port_for_clients_nobody_tells() {
    let wire = Wire::start().await;
    let error = soon(wire.client().namespaces()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
    assert!(error.message.contains("set `admin_url`"), "{error}");
    let mut options = wire.options();
    options.admin_url = Some(wire.url());
    let error = soon(Danube::open(options).unwrap().namespaces()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Incompatible, "{error}");
}
