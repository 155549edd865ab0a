//! Servers: a real one if `SURREALDB_URL` names one, and unreachable, hanging and outdated ones.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    time::Duration,
};

use danube_wasm_egress_surrealdb::{Connections, Credentials, SurrealOptions};
use danube_wasm_model::{
    clock::now_ms,
    door::{Egress as _, EgressError},
    message::Operation::{Delete, Upsert},
};
use serde_json::json;

use crate::common::{count, inserts, options, query, write, write_all};

/// Listens on this machine and never answers.
fn silent_listener() -> (std::net::TcpListener, u16) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

fn with_short_timeouts(url: &str) -> SurrealOptions {
    let mut options = options(url, Path::new("/"));
    options.connect_timeout = Duration::from_millis(300);
    options.request_timeout = Duration::from_millis(300);
    options
}

#[tokio::test]
async fn an_unreachable_or_silent_server_is_a_transient_error() {
    let (_listener, silent_listener) = silent_listener();
    let closed = {
        let (listener, port) = self::silent_listener();
        drop(listener);
        port
    };
    for port in [silent_listener, closed] {
        for scheme in ["ws", "wss", "http", "https"] {
            let url = format!("{scheme}://127.0.0.1:{port}");
            let db = Connections::new().egress(with_short_timeouts(&url));
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
async fn every_call_reconnects_to_a_server_that_hangs() {
    let (listener, port) = silent_listener();
    let connections = std::thread::spawn(move || {
        // The connections stay open, so only the client's own deadline ends them.
        let held: Vec<_> = listener.incoming().take(3).collect();
        held.len()
    });
    let db = Connections::new().egress(with_short_timeouts(&format!("ws://127.0.0.1:{port}")));
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while !connections.is_finished() {
        assert!(db.ready().await.is_err(), "nobody answers");
        assert!(tokio::time::Instant::now() < deadline, "a call did not connect anew");
    }
    assert_eq!(connections.join().expect("counts"), 3);
}

/// Starts an HTTP server that answers as release 2 does: it is healthy, but does not know this client's format.
fn release_2_server() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = BufReader::new(stream.try_clone().expect("a handle"));
            let (mut first, mut length) = (String::new(), 0);
            let _ = request.read_line(&mut first);
            loop {
                let mut header = String::new();
                if request.read_line(&mut header).unwrap_or(0) <= 2 {
                    break;
                }
                if let Some(bytes) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = bytes.trim().parse().expect("a number");
                }
            }
            let _ = std::io::copy(&mut request.take(length), &mut std::io::sink());
            let (status, body) = match first.split(' ').nth(1) {
                Some("/health") => ("200 OK", ""),
                Some("/version") => ("200 OK", "surrealdb-2.3.0"),
                _ => (
                    "415 Unsupported Media Type",
                    "The request body contains an unsupported media type",
                ),
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    port
}

#[tokio::test]
async fn a_server_of_release_2_is_an_error_that_names_the_required_release() {
    let mut options = options(&format!("http://127.0.0.1:{}", release_2_server()), Path::new("/"));
    options.credentials = Some(Credentials::Root {
        username: "root".to_owned(),
        password: "root".to_owned(),
    });
    let refused = Connections::new().egress(options).ready().await;
    assert!(
        matches!(&refused, Err(EgressError::Configuration { message }) if message.contains("SurrealDB 3.x servers only")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_real_server_takes_writes_and_queries() {
    for (url, root) in servers() {
        check_writes_and_queries(&url, root).await;
    }
}

async fn check_writes_and_queries(url: &str, root: Credentials) {
    let mut options = options(url, Path::new("/"));
    options.namespace = namespace("same", url);
    options.credentials = Some(root);
    let db = Connections::new().egress(options.clone());
    query(
        &db,
        "DEFINE TABLE t SCHEMALESS; DEFINE FIELD n ON t TYPE int ASSERT $value >= 0",
    )
    .await;
    let mut batch = inserts("t", 500);
    batch[3] = crate::common::insert("t", "3", &json!({"n": -3}));
    assert_eq!(write_all(&db, &batch).await.refused.len(), 1);
    assert_eq!(write_all(&db, &batch).await.unchanged, 499);
    write_all(
        &db,
        &[
            write(Upsert, "t", "o", 5, &json!({"n": 5})),
            write(Delete, "t", "o", 6, &json!({})),
        ],
    )
    .await;
    assert_eq!(
        write_all(&db, &[write(Upsert, "t", "o", 5, &json!({"n": 5}))])
            .await
            .unchanged,
        1
    );
    assert_eq!(count(&db, "t").await, 499);
    query(&db, &format!("REMOVE NAMESPACE `{}`", options.namespace)).await;

    options.credentials = Some(Credentials::Root {
        username: "nobody".to_owned(),
        password: "wrong".to_owned(),
    });
    let refused = Connections::new().egress(options).ready().await;
    assert!(matches!(refused, Err(EgressError::Configuration { .. })), "{refused:?}");
}

/// Returns the test server's address by each of its protocols, with its root user. Prints a note if none is configured.
fn servers() -> Vec<(String, Credentials)> {
    let Ok(url) = std::env::var("SURREALDB_URL") else {
        println!("skipped: SURREALDB_URL is not set");
        return Vec::new();
    };
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| "root".to_owned());
    let (scheme, host) = url.split_once("://").unwrap_or(("ws", &url));
    let schemes = match scheme {
        "wss" | "https" => ["wss", "https"],
        _ => ["ws", "http"],
    };
    let server = |scheme| {
        let root = Credentials::Root {
            username: variable("SURREALDB_USERNAME"),
            password: variable("SURREALDB_PASSWORD"),
        };
        (format!("{scheme}://{host}"), root)
    };
    schemes.map(server).into()
}

/// Returns a namespace of this run, test and protocol.
fn namespace(test: &str, url: &str) -> String {
    let scheme = url.split("://").next().unwrap_or_default();
    format!("danube_wasm_{test}_{scheme}_{}", std::process::id())
}

const TOKEN_KEY: &str = "a-key-that-is-long-enough";
const DEFINE_TOKENS: &str = "DEFINE ACCESS tokens ON DATABASE TYPE JWT ALGORITHM HS512 KEY 'a-key-that-is-long-enough'";

/// Returns a token of a database's system user, signed as its owner signs it, valid for an hour.
fn token(namespace: &str, database: &str, key: &str) -> String {
    let claims = json!({
        "exp": now_ms() / 1000 + 3600,
        "NS": namespace,
        "DB": database,
        "AC": "tokens",
        "RL": ["Editor"],
    });
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS512);
    let key = jsonwebtoken::EncodingKey::from_secret(key.as_bytes());
    jsonwebtoken::encode(&header, &claims, &key).expect("signs")
}

/// Shows without a server that SurrealDB accepts the tokens of these tests.
#[tokio::test]
async fn a_token_signed_with_the_databases_key_is_a_system_users() {
    let db = surrealdb::engine::any::connect("mem://").await.expect("opens");
    db.use_ns("n").use_db("d").await.expect("selects");
    db.query(DEFINE_TOKENS)
        .await
        .and_then(|answer| answer.check())
        .expect("defines");
    db.authenticate(token("n", "d", "another-key-that-is-long-enough"))
        .await
        .expect_err("forged");
    db.authenticate(token("n", "d", TOKEN_KEY)).await.expect("signs in");
    let answer = db
        .query("RETURN $auth; CREATE t:1")
        .await
        .and_then(|answer| answer.check());
    let mut answer = answer.expect("may write");
    let user: surrealdb::types::Value = answer.take(0).expect("a value");
    assert_eq!(user, surrealdb::types::Value::None, "no record's");
}

#[tokio::test]
async fn a_real_server_accepts_every_kind_of_sign_in() {
    for (url, root) in servers() {
        check_every_kind_of_sign_in(&url, root).await;
    }
}

async fn check_every_kind_of_sign_in(url: &str, root: Credentials) {
    let mut options = options(url, Path::new("/"));
    options.namespace = namespace("users", url);
    options.credentials = Some(root);
    let db = Connections::new().egress(options.clone());
    query(
        &db,
        &format!(
            "DEFINE USER ns_user ON NAMESPACE PASSWORD 'one' ROLES EDITOR;
             DEFINE USER db_user ON DATABASE PASSWORD 'two' ROLES EDITOR; {DEFINE_TOKENS}; DEFINE TABLE t SCHEMALESS"
        ),
    )
    .await;
    let user = |username: &str, password: &str| (username.to_owned(), password.to_owned());
    let (username, password) = user("ns_user", "one");
    let of_namespace = Credentials::Namespace { username, password };
    let (username, password) = user("db_user", "two");
    let of_database = Credentials::Database { username, password };
    let signed = Credentials::Token(token(&options.namespace, &options.database, TOKEN_KEY));
    for (n, credentials) in [of_namespace, of_database, signed].into_iter().enumerate() {
        let mut as_user = options.clone();
        as_user.credentials = Some(credentials);
        let egress = Connections::new().egress(as_user);
        let row = crate::common::insert("t", &n.to_string(), &json!({ "n": n }));
        assert_eq!(write_all(&egress, &[row]).await.refused.len(), 0);
    }
    assert_eq!(count(&db, "t").await, 3);

    for (username, password) in [user("ns_user", "two"), user("db_user", "one")] {
        let mut wrong = options.clone();
        wrong.credentials = Some(Credentials::Database { username, password });
        let refused = Connections::new().egress(wrong).ready().await;
        assert!(matches!(refused, Err(EgressError::Configuration { .. })), "{refused:?}");
    }
    let forged = token(&options.namespace, &options.database, "another-key-that-is-long-enough");
    for text in ["not.a.token".to_owned(), forged] {
        let mut wrong = options.clone();
        wrong.credentials = Some(Credentials::Token(text));
        let refused = Connections::new().egress(wrong).ready().await;
        assert!(matches!(refused, Err(EgressError::Configuration { .. })), "{refused:?}");
    }
    query(&db, &format!("REMOVE NAMESPACE `{}`", options.namespace)).await;
}

/// Forwards bytes to a server until it is told to cut the connections.
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
async fn writes_go_on_after_a_real_server_was_unreachable() {
    for (url, root) in servers() {
        check_reconnect(&url, root).await;
    }
}

async fn check_reconnect(url: &str, root: Credentials) {
    let (scheme, host) = url.split_once("://").expect("a URL");
    let (port, cut) = proxy(host.to_owned()).await;
    let mut options = with_short_timeouts(&format!("{scheme}://127.0.0.1:{port}"));
    options.connect_timeout = Duration::from_secs(5);
    options.request_timeout = Duration::from_secs(5);
    options.namespace = namespace("cut", url);
    options.credentials = Some(root);
    let db = Connections::new().egress(options.clone());
    write_all(&db, &inserts("t", 10)).await;
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
    query(&db, &format!("REMOVE NAMESPACE `{}`", options.namespace)).await;
}
