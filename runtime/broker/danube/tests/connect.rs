//! What can be wrong between here and a broker: each has its own sentence, and each sentence its cure.
#![allow(clippy::unwrap_used, reason = "in tests")]

mod support;

use std::{
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};

use danube_wasm_broker::{Broker, BrokerError, ErrorKind, TopicSpec};
use danube_wasm_broker_danube::{Danube, DanubeOptions, Secret, Tls, Token};
use danube_wasm_test_certs::FileAuthority;
use support::{Act, Wire, certs, publish, quick, record, reliable, soon, topic};
use tokio::net::TcpListener;
use tonic::Status;

async fn check(options: DanubeOptions) -> Result<(), BrokerError> {
    let client = Danube::open(quick(options)).unwrap();
    let mut found = soon(client.check()).await;
    assert_eq!(found.len(), 1);
    found.remove(0).1
}

async fn trouble(options: DanubeOptions, sentence: &str) {
    let error = check(options).await.expect_err(sentence);
    assert!(error.message.contains(sentence), "expected `{sentence}`, got `{error}`");
}

fn with_tls(url: String, tls: Tls) -> DanubeOptions {
    let mut options = DanubeOptions::new([url]);
    options.tls = Some(tls);
    options
}

fn secure(wire: &Wire) -> String {
    format!("https://localhost:{}", wire.address.port())
}

#[tokio::test]
async fn options_that_cannot_be_meant_are_refused_at_once() {
    let refused = |seeds: &[&str], tls: bool| {
        let mut options = DanubeOptions::new(seeds.to_vec());
        options.tls = tls.then(Tls::default);
        Danube::open(options).err().unwrap().message
    };
    assert!(refused(&[], false).contains("give at least one URL"));
    assert!(refused(&["localhost:6650"], false).contains("it has no scheme"));
    assert!(refused(&["danube://localhost:6650"], false).contains("does not speak `danube`"));
    assert!(refused(&["http://a:1", "https://b:1"], false).contains("mix http and https"));
    assert!(refused(&["http://a:1"], true).contains("TLS is configured, but"));
}

#[tokio::test]
async fn a_broker_that_is_fine_is_said_to_be() {
    let wire = Wire::start().await;
    check(DanubeOptions::new([wire.url()])).await.unwrap();
    let client = wire.client();
    soon(client.ready()).await.unwrap();
}

#[tokio::test]
async fn nothing_needs_a_broker_to_be_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = Danube::open(quick(DanubeOptions::new([format!("http://{address}")]))).unwrap();
    let publisher = client.publisher("p/source").await.unwrap();
    let topic = topic("/default/t");
    let error = soon(client.create_topic(&topic, reliable(0))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(soon(client.ready()).await.unwrap_err().kind, ErrorKind::Unavailable);
    // Handed over before the broker is there, and before anybody made the topic.
    let fate = publisher.publish(vec![vec![record(&topic, None, 0)]]);
    let state = support::State::new();
    state.create_producer("/default/t", "somebody", true, None).unwrap();
    let wire = Wire::back(state, &address.to_string()).await;
    assert!(soon(fate).await[0].is_ok());
    assert_eq!(wire.state.log("/default/t").len(), 1);
    soon(client.ready()).await.unwrap();
}

#[tokio::test]
async fn unknown_host() {
    let options = DanubeOptions::new(["http://no-such-host.invalid:6650"]);
    trouble(options, "there is no host `no-such-host.invalid`").await;
}

#[tokio::test]
async fn refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    trouble(DanubeOptions::new([format!("http://{address}")]), "nothing listens at").await;
}

#[tokio::test]
async fn something_that_accepts_and_says_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = DanubeOptions::new([format!("http://{}", listener.local_addr().unwrap())]);
    options.request_timeout = Duration::from_millis(100);
    trouble(options, "accepts connections and says nothing").await;
}

#[tokio::test]
async fn a_web_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut socket, answer).await.unwrap();
    });
    trouble(DanubeOptions::new([url]), "a web server, not a Danube broker").await;
}

#[tokio::test]
async fn plaintext_to_a_tls_port() {
    let directory = tempfile::tempdir().unwrap();
    let authority = FileAuthority::new(directory.path(), "ca");
    let wire = Wire::start_tls(certs::server(&authority, &["localhost"], false, None)).await;
    trouble(
        DanubeOptions::new([wire.url()]),
        "speaks TLS on that port: write `https://`",
    )
    .await;
}

#[tokio::test]
async fn tls_to_a_plaintext_port() {
    let directory = tempfile::tempdir().unwrap();
    let authority = FileAuthority::new(directory.path(), "ca");
    let wire = Wire::start().await;
    trouble(
        with_tls(secure(&wire), certs::trusting(&authority)),
        "does not speak TLS on that port: write `http://`",
    )
    .await;
}

#[tokio::test]
async fn bad_certificates() {
    let directory = tempfile::tempdir().unwrap();
    let (authority, other) = (
        FileAuthority::new(directory.path(), "ca"),
        FileAuthority::new(directory.path(), "other"),
    );
    let wire = Wire::start_tls(certs::server(&authority, &["localhost"], false, None)).await;
    check(with_tls(secure(&wire), certs::trusting(&authority)))
        .await
        .unwrap();
    trouble(
        with_tls(secure(&wire), certs::trusting(&other)),
        "an authority that is not trusted here: set `ca_file`",
    )
    .await;
    let by_address = format!("https://{}", wire.address);
    trouble(
        with_tls(by_address, certs::trusting(&authority)),
        "was not made for the name `127.0.0.1`",
    )
    .await;
    let expired = Wire::start_tls(certs::server(&authority, &["localhost"], true, None)).await;
    trouble(
        with_tls(secure(&expired), certs::trusting(&authority)),
        "has expired: renew it",
    )
    .await;
    let missing = Tls {
        ca_file: Some(directory.path().join("nowhere.pem")),
        identity: None,
    };
    trouble(with_tls(secure(&wire), missing), "cannot read").await;
    // And the same sentence where records fail.
    let mut options = quick(with_tls(secure(&wire), certs::trusting(&other)));
    options.publish_timeout = Duration::from_millis(100);
    let client = Danube::open(options).unwrap();
    let publisher = client.publisher("p/source").await.unwrap();
    let error = publish(&*publisher, vec![record(&topic("/default/t"), None, 0)])
        .await
        .remove(0)
        .unwrap_err();
    assert!(
        error.message.contains("an authority that is not trusted here"),
        "{error}"
    );
}

#[tokio::test]
async fn mutual_tls() {
    let directory = tempfile::tempdir().unwrap();
    let (authority, clients) = (
        FileAuthority::new(directory.path(), "ca"),
        FileAuthority::new(directory.path(), "clients"),
    );
    let wire = Wire::start_tls(certs::server(&authority, &["localhost"], false, Some(&clients))).await;
    let shown = |identity| Tls {
        identity,
        ..certs::trusting(&authority)
    };
    trouble(with_tls(secure(&wire), shown(None)), "client certificate").await;
    // A client that is not asked to check says so, too, unless the connection is gone before the broker's reason is here.
    let client = Danube::open(quick(with_tls(secure(&wire), shown(None)))).unwrap();
    support::eventually("the reason is said", || async {
        let said = client.registry().latest("s").await.unwrap_err().message;
        let told = said.contains("the broker may want a client certificate");
        if told { Ok(()) } else { Err(said) }
    })
    .await;
    let foreign = certs::identity(&authority, "foreign");
    trouble(
        with_tls(secure(&wire), shown(Some(foreign))),
        "does not accept this client's certificate",
    )
    .await;
    let options = with_tls(secure(&wire), shown(Some(certs::identity(&clients, "us"))));
    check(options.clone()).await.unwrap();
    // All the way, through an address that the broker gives as plaintext.
    let client = Danube::open(quick(options)).unwrap();
    wire.state.set_url(&format!("http://localhost:{}", wire.address.port()));
    let topic = topic("/default/t");
    soon(client.create_topic(&topic, reliable(0))).await.unwrap();
    let publisher = client.publisher("p/source").await.unwrap();
    assert!(publish(&*publisher, vec![record(&topic, None, 0)]).await[0].is_ok());
}

/// A broker that takes one token only, which can be another one later.
fn guard(wire: &Wire) -> Arc<Mutex<String>> {
    let valid = Arc::new(Mutex::new("first".to_owned()));
    let expected = valid.clone();
    wire.state.script(move |call| match call.header("authorization") {
        Some(shown) if shown == format!("Bearer {}", expected.lock().unwrap()) => Act::Pass,
        Some(_) => Act::Fail(Status::unauthenticated("Invalid token")),
        None => Act::Fail(Status::unauthenticated("Authentication credentials are missing")),
    });
    valid
}

#[tokio::test]
async fn tokens() {
    let wire = Wire::start().await;
    let valid = guard(&wire);
    trouble(DanubeOptions::new([wire.url()]), "no token is configured").await;
    let mut options = DanubeOptions::new([wire.url()]);
    options.token = Some(Token::Inline(Secret::new("expired")));
    assert!(!format!("{options:?}").contains("expired"), "a secret is shown");
    let error = check(options.clone()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(error.message.contains("get a token that has not expired"), "{error}");
    options.token = Some(Token::Inline(Secret::new("first")));
    check(options.clone()).await.unwrap();

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    options.token = Some(Token::File(file.clone()));
    trouble(options.clone(), "cannot read the token file").await;
    fs::write(&file, "\n").unwrap();
    trouble(options.clone(), "is empty").await;
    fs::write(&file, "first\n").unwrap();
    let client = Danube::open(quick(options)).unwrap();
    let topic = topic("/default/t");
    soon(client.create_topic(&topic, reliable(0))).await.unwrap();
    let publisher = client.publisher("p/source").await.unwrap();
    assert!(publish(&*publisher, vec![record(&topic, None, 0)]).await[0].is_ok());
    // Renewed: the one that is in use ends, and the file holds another.
    fs::write(&file, "second\n").unwrap();
    *valid.lock().unwrap() = "second".to_owned();
    assert!(publish(&*publisher, vec![record(&topic, None, 1)]).await[0].is_ok());
    // Ended before it is renewed: what is handed over waits for that.
    *valid.lock().unwrap() = "third".to_owned();
    let fate = publisher.publish(vec![vec![record(&topic, None, 2)]]);
    support::eventually("the token is missed", || async {
        match client.ready().await {
            Err(why) if why.message.contains("does not accept who is asking") => Ok(()),
            other => Err(other),
        }
    })
    .await;
    fs::write(&file, "third\n").unwrap();
    assert!(soon(fate).await[0].is_ok());
}

#[tokio::test]
async fn what_a_topic_does_not_allow() {
    let wire = Wire::start().await;
    let client = wire.client();
    let refused = |topic: &'static str, spec: TopicSpec| {
        let client = client.clone();
        async move {
            soon(client.check_publish(&support::topic(topic), spec))
                .await
                .unwrap_err()
        }
    };
    soon(client.check_publish(&topic("/default/t"), reliable(0)))
        .await
        .unwrap();

    let unknown = refused("/nowhere/t", reliable(0)).await;
    assert_eq!(unknown.kind, ErrorKind::NotFound);
    assert!(unknown.message.contains("danube-admin namespaces create"), "{unknown}");

    let dispatch = refused("/default/t", TopicSpec::default()).await;
    assert_eq!(dispatch.kind, ErrorKind::Conflict);
    assert!(
        dispatch.message.contains("set `reliable_dispatch` to what it has"),
        "{dispatch}"
    );

    let schema = TopicSpec {
        schema_subject: Some("other".into()),
        ..reliable(0)
    };
    let schema = refused("/default/t", schema).await;
    assert_eq!(schema.kind, ErrorKind::Conflict);
    assert!(schema.message.contains("Use that subject"), "{schema}");

    let partitions = refused("/default/t", reliable(4)).await;
    assert_eq!(partitions.kind, ErrorKind::Conflict);
    assert!(
        partitions.message.contains("is there with no partitions, not with 4"),
        "{partitions}"
    );

    wire.state.script(|call| match call.method {
        "create_producer" => Act::Fail(Status::permission_denied(
            "no binding grants Produce on Topic(\"t\") for x:y",
        )),
        "receive_messages" => Act::Fail(Status::permission_denied(
            "no binding grants Consume on Cluster for x:y",
        )),
        _ => Act::Pass,
    });
    let denied = refused("/default/t", reliable(0)).await;
    assert_eq!(denied.kind, ErrorKind::Denied);
    assert!(denied.message.contains("bind a role with this permission"), "{denied}");
    let denied = soon(client.check_consume(&topic("/default/t"))).await.unwrap_err();
    assert!(
        denied.message.contains("a binding to the topic is not enough"),
        "{denied}"
    );
    wire.state.behave();
    soon(client.check_consume(&topic("/default/t"))).await.unwrap();
    let missing = soon(client.check_consume(&topic("/default/none"))).await.unwrap_err();
    assert_eq!(missing.kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_topic_left_half_made_is_completed_and_one_with_fewer_partitions_is_not() {
    let wire = Wire::start().await;
    let client = wire.client();
    for partition in [3, 2] {
        wire.state
            .create_producer(&format!("/default/half-part-{partition}"), "x", true, None)
            .unwrap();
    }
    soon(client.create_topic(&topic("/default/half"), reliable(4)))
        .await
        .unwrap();
    assert_eq!(wire.state.partitions("/default/half").len(), 4);
    for partition in [0, 1] {
        wire.state
            .create_producer(&format!("/default/two-part-{partition}"), "x", true, None)
            .unwrap();
    }
    let error = soon(client.create_topic(&topic("/default/two"), reliable(4)))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert_eq!(wire.state.partitions("/default/two").len(), 2);
}

#[tokio::test]
async fn a_cluster_that_assigns_a_new_topic_is_waited_for() {
    let wire = Wire::start().await;
    let mut asked = 0;
    wire.state.script(move |call| match call.method {
        "create_producer"
            if {
                asked += 1;
                asked < 4
            } =>
        {
            Act::Fail(Status::unavailable(
                "The topic metadata was created, need to redo the lookup to find the correct broker",
            ))
        }
        _ => Act::Pass,
    });
    soon(wire.client().create_topic(&topic("/default/t"), reliable(0)))
        .await
        .unwrap();
}

#[tokio::test]
async fn any_seed_will_do() {
    let (gone, wire) = (Wire::start().await, Wire::start().await);
    let url = gone.url();
    drop(gone);
    let client = Danube::open(quick(DanubeOptions::new([url, wire.url()]))).unwrap();
    soon(client.create_topic(&topic("/default/t"), reliable(0)))
        .await
        .unwrap();
    soon(client.ready()).await.unwrap();
    let found = soon(client.check()).await;
    assert!(found[0].1.is_err() && found[1].1.is_ok(), "{found:?}");
}
