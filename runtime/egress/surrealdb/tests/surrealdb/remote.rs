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
    let Some((url, root)) = server() else { return };
    let mut options = options(&url, Path::new("/"));
    options.namespace = format!("danube_wasm_{}", std::process::id());
    options.credentials = Some(root);
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

/// The server of the test and its root user, or nothing, said.
fn server() -> Option<(String, Credentials)> {
    let Ok(url) = std::env::var("SURREALDB_URL") else {
        println!("skipped: SURREALDB_URL is not set");
        return None;
    };
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| "root".to_owned());
    let root = Credentials::Root {
        username: variable("SURREALDB_USERNAME"),
        password: variable("SURREALDB_PASSWORD"),
    };
    Some((url, root))
}

#[tokio::test]
async fn a_real_server_takes_every_kind_of_sign_in() {
    let Some((url, root)) = server() else { return };
    let mut options = options(&url, Path::new("/"));
    options.namespace = format!("danube_wasm_users_{}", std::process::id());
    options.credentials = Some(root);
    let db = Connections::new().egress(options.clone());
    ask(
        &db,
        "DEFINE USER ns_user ON NAMESPACE PASSWORD 'one' ROLES EDITOR; DEFINE USER db_user ON DATABASE PASSWORD 'two' ROLES EDITOR;
         DEFINE ACCESS tokens ON DATABASE TYPE JWT ALGORITHM HS512 KEY 'a-key-that-is-long-enough'; DEFINE TABLE t SCHEMALESS",
    )
    .await;
    let user = |username: &str, password: &str| (username.to_owned(), password.to_owned());
    let (username, password) = user("ns_user", "one");
    let of_namespace = Credentials::Namespace { username, password };
    let (username, password) = user("db_user", "two");
    let of_database = Credentials::Database { username, password };
    for (n, credentials) in [of_namespace, of_database].into_iter().enumerate() {
        let mut as_user = options.clone();
        as_user.credentials = Some(credentials);
        let egress = Connections::new().egress(as_user);
        let row = crate::common::insert("t", &n.to_string(), &json!({ "n": n }));
        assert_eq!(done(&egress, &[row]).await.refused.len(), 0);
    }
    assert_eq!(count(&db, "t").await, 2);

    for (username, password) in [user("ns_user", "two"), user("db_user", "one")] {
        let mut wrong = options.clone();
        wrong.credentials = Some(Credentials::Database { username, password });
        let refused = Connections::new().egress(wrong).ready().await;
        assert!(matches!(refused, Err(EgressError::Configuration { .. })), "{refused:?}");
    }
    let mut wrong = options.clone();
    wrong.credentials = Some(Credentials::Token("not.a.token".to_owned()));
    let refused = Connections::new().egress(wrong).ready().await;
    assert!(matches!(refused, Err(EgressError::Configuration { .. })), "{refused:?}");
    ask(&db, &format!("REMOVE NAMESPACE `{}`", options.namespace)).await;
}

/// Passes bytes on to a server until it is told to cut.
async fn proxy(to: String) -> (u16, tokio::sync::watch::Sender<bool>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let port = listener.local_addr().expect("an address").port();
    let (cut, cutting) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let (to, mut cutting) = (to.clone(), cutting.clone());
            tokio::spawn(async move {
                if *cutting.borrow() {
                    return;
                }
                let Ok(mut far) = tokio::net::TcpStream::connect(to).await else {
                    return;
                };
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    _ = cutting.wait_for(|cut| *cut) => {}
                }
            });
        }
    });
    (port, cut)
}

#[tokio::test]
async fn a_real_server_that_goes_away_and_comes_back_is_written_to_again() {
    let Some((url, root)) = server() else { return };
    let (scheme, host) = url.split_once("://").unwrap_or(("ws", &url));
    let (port, cut) = proxy(host.to_owned()).await;
    let mut options = impatient(&format!("{scheme}://127.0.0.1:{port}"));
    options.connect_timeout = Duration::from_secs(5);
    options.request_timeout = Duration::from_secs(5);
    options.namespace = format!("danube_wasm_cut_{}", std::process::id());
    options.credentials = Some(root);
    let db = Connections::new().egress(options.clone());
    done(&db, &inserts("t", 10)).await;
    for round in 1..=3 {
        cut.send_replace(true);
        let away = db.write(&inserts("t", 20 * round)).await.expect_err("cut");
        assert!(matches!(away, EgressError::Transient { .. }), "{away:?}");
        cut.send_replace(false);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        while db.write(&inserts("t", 20 * round)).await.is_err() {
            assert!(tokio::time::Instant::now() < deadline, "it is not written to again");
        }
        assert_eq!(count(&db, "t").await, 20 * round as u64, "each row once");
    }
    ask(&db, &format!("REMOVE NAMESPACE `{}`", options.namespace)).await;
}
