//! Servers: the real one if `SURREALDB_URL` names one, and ones that are not there.

use std::{path::Path, time::Duration};

use danube_wasm_egress_surrealdb::{Connections, Credentials, SurrealOptions};
use danube_wasm_model::{
    door::{Egress as _, EgressError},
    message::Operation::{Delete, Upsert},
};
use serde_json::json;

use crate::common::{ask, count, done, inserts, options, write};

/// A server on this machine that takes connections and says nothing.
fn silent() -> (std::net::TcpListener, u16) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

fn impatient(url: &str) -> SurrealOptions {
    let mut options = options(url, Path::new("/"));
    options.connect_timeout = Duration::from_millis(300);
    options.request_timeout = Duration::from_millis(300);
    options
}

#[tokio::test]
async fn a_server_that_is_not_there_or_silent_is_transient() {
    let (_listener, silent) = silent();
    let closed = {
        let (listener, port) = self::silent();
        drop(listener);
        port
    };
    for port in [silent, closed] {
        for scheme in ["ws", "wss", "http", "https"] {
            let url = format!("{scheme}://127.0.0.1:{port}");
            let db = Connections::new().egress(impatient(&url));
            let error = db.write(&inserts("t", 1)).await.expect_err("nobody there");
            assert!(
                matches!(&error, EgressError::Transient { message, .. } if message.contains(&url)),
                "{error:?}"
            );
            assert!(!error.to_string().contains("panicked"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_tried_anew_by_every_call() {
    let (listener, port) = silent();
    let connections = std::thread::spawn(move || {
        // Held open, so that the client has only its own deadline.
        let held: Vec<_> = listener.incoming().take(3).collect();
        held.len()
    });
    let db = Connections::new().egress(impatient(&format!("ws://127.0.0.1:{port}")));
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while !connections.is_finished() {
        assert!(db.ready().await.is_err(), "nobody answers");
        assert!(tokio::time::Instant::now() < deadline, "a call did not connect anew");
    }
    assert_eq!(connections.join().expect("counts"), 3);
}

#[tokio::test]
async fn a_real_server_does_the_same() {
    let Ok(url) = std::env::var("SURREALDB_URL") else {
        println!("skipped: SURREALDB_URL is not set");
        return;
    };
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| "root".to_owned());
    let mut options = options(&url, Path::new("/"));
    options.namespace = format!("danube_wasm_{}", std::process::id());
    options.credentials = Some(Credentials::Root {
        username: variable("SURREALDB_USERNAME"),
        password: variable("SURREALDB_PASSWORD"),
    });
    let db = Connections::new().egress(options.clone());
    ask(
        &db,
        "DEFINE TABLE t SCHEMALESS; DEFINE FIELD n ON t TYPE int ASSERT $value >= 0",
    )
    .await;
    let mut batch = inserts("t", 500);
    batch[3] = crate::common::insert("t", "3", &json!({"n": -3}));
    assert_eq!(done(&db, &batch).await.refused.len(), 1);
    assert_eq!(done(&db, &batch).await.unchanged, 499);
    done(
        &db,
        &[
            write(Upsert, "t", "o", 5, &json!({"n": 5})),
            write(Delete, "t", "o", 6, &json!({})),
        ],
    )
    .await;
    assert_eq!(
        done(&db, &[write(Upsert, "t", "o", 5, &json!({"n": 5}))])
            .await
            .unchanged,
        1
    );
    assert_eq!(count(&db, "t").await, 499);
    ask(&db, &format!("REMOVE NAMESPACE `{}`", options.namespace)).await;

    options.credentials = Some(Credentials::Root {
        username: "nobody".to_owned(),
        password: "wrong".to_owned(),
    });
    let refused = Connections::new().egress(options).ready().await;
    assert!(matches!(refused, Err(EgressError::Configuration { .. })), "{refused:?}");
}
