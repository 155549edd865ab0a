//! What no message may have, and how the server knows this sink.

use danube_wasm_connector::SinkConnector as _;
use danube_wasm_egress_clickhouse::ClickHouseSink;
use danube_wasm_model::door::Egress as _;

use crate::support::{Database, Fake, Reply, Server, config, inserts, read, report, sink, text, try_write, unfit};

const LOGIN: &str = "username = \"danube\"\npassword = \"hunter22\"";

#[tokio::test]
async fn a_server_that_repeats_what_it_was_sent_gives_away_nothing() {
    for reply in [
        Reply::Answer(401, Vec::new(), "no hunter22 here".to_owned()),
        Reply::Exception(516, "danube: hunter22 is wrong".to_owned()),
        Reply::Answer(500, Vec::new(), "hunter22".to_owned()),
    ] {
        let fake = Fake::start(move |_, _| reply.clone()).await;
        let result = try_write(
            &sink(&text(&fake.url, "d", LOGIN, "id_column = \"id\"")),
            &inserts(0..1),
        )
        .await;
        let said = format!("{result:?}");
        assert!(!said.contains("hunter22") && said.contains("***"), "{said}");
    }
}

#[tokio::test]
async fn a_configuration_shows_no_secret_and_a_component_is_told_none() {
    let config = config(&text("https://clickhouse.example:8443/p?x=1", "d", LOGIN, ""));
    assert!(!format!("{config:?}").contains("hunter22"));
    assert_eq!(
        ClickHouseSink::target(&config),
        "https://clickhouse.example:8443 database `d`"
    );
    let settings = serde_json::to_string(&ClickHouseSink::guest_settings(&config)).expect("JSON");
    assert!(
        !settings.contains("hunter22") && settings.contains("\"table\":\"t\""),
        "{settings}"
    );
}

#[tokio::test]
async fn a_user_and_a_token_are_sent_in_the_header() {
    for (keys, header) in [
        (LOGIN, "Basic ZGFudWJlOmh1bnRlcjIy"),
        ("username = \"danube\"", "Basic ZGFudWJlOg=="),
        ("token = \"t0ken\"", "Bearer t0ken"),
    ] {
        let fake = Fake::start(|_, _| Reply::Done(String::new())).await;
        report(&sink(&text(&fake.url, "d", keys, "id_column = \"id\"")), &inserts(0..1)).await;
        let seen = fake.seen();
        assert!(
            seen.iter().all(|seen| seen.headers["authorization"] == header),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn credentials_that_were_changed_hold_the_rows_until_they_are_right() {
    if std::env::var_os("CLICKHOUSE_URL").is_some() {
        // Its users are not the test's to change.
        return;
    }
    let Some(server) = Server::start(Some("danube:right")) else {
        return;
    };
    let of = |password: &str| {
        sink(&text(
            &server.url,
            "default",
            &format!("username = \"danube\"\npassword = \"{password}\""),
            "",
        ))
    };
    let message = unfit(try_write(&of("wrong"), &inserts(0..1)).await);
    assert!(
        message.contains("Code: 516") && message.contains("check `username`"),
        "{message}"
    );
    // There is no such table, which only who is let in is told.
    let message = unfit(try_write(&of("right"), &inserts(0..1)).await);
    assert!(message.contains("Code: 60"), "{message}");
}

#[tokio::test]
async fn a_closed_sink_writes_nothing_more() {
    let Some(database) = Database::new("closed").await else {
        return;
    };
    let sink = database.sink("");
    sink.ready().await.expect("ready");
    sink.close().await.expect("closed");
    assert!(try_write(&sink, &inserts(0..1)).await.is_err());
}

#[test]
fn certificates_that_are_none_are_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let wrong = read(
        dir.path(),
        &text("https://c.example", "d", "tls = { ca_file = \"absent.pem\" }", ""),
    );
    assert!(wrong.expect_err("refused").contains("absent.pem"));
}
