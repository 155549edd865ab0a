//! What may happen to a request and to its answer.

use std::time::Duration;

use crate::support::{Database, Fake, Fate, Relay, Reply, done, inserts, sink, text, transient, try_write, unfit};

async fn of(reply: Reply) -> Result<danube_wasm_model::door::WriteReport, danube_wasm_model::door::EgressError> {
    let fake = Fake::start(move |_, _| reply.clone()).await;
    let sink = sink(&text(&fake.url, "d", "request_timeout_ms = 300", "id_column = \"id\""));
    try_write(&sink, &inserts(0..3)).await
}

fn answer(status: u16, body: &str) -> Reply {
    Reply::Answer(status, Vec::new(), body.to_owned())
}

#[tokio::test]
async fn what_passes_is_tried_again_and_refuses_no_row() {
    for (reply, says) in [
        (Reply::Cut, "whether the rows were taken is not known"),
        (Reply::Silent, "has not answered in 300 ms"),
        (answer(502, "<html>Bad Gateway</html>"), "502"),
        (answer(408, ""), "408"),
        (
            Reply::Exception(241, "Memory limit exceeded".to_owned()),
            "Memory limit",
        ),
        (
            Reply::Exception(252, "Too many parts (3001)".to_owned()),
            "Too many parts",
        ),
        (Reply::Exception(319, "Unknown status of insert".to_owned()), "319"),
        (Reply::Exception(999, "Coordination::Exception".to_owned()), "999"),
    ] {
        let (message, _) = transient(of(reply).await);
        assert!(message.contains(says), "{message}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_time_gets_it() {
    for (text, secs) in [("7", 7), ("99999999", 3600)] {
        let reply = Reply::Answer(429, vec![("retry-after", text.to_owned())], String::new());
        assert_eq!(transient(of(reply).await).1, Some(Duration::from_secs(secs)));
    }
}

#[tokio::test]
async fn what_somebody_must_put_right_holds_the_table_and_says_what_to_do() {
    let redirect = Reply::Answer(
        301,
        vec![("location", "https://elsewhere.example/".to_owned())],
        String::new(),
    );
    for (reply, says) in [
        (answer(200, "<!doctype html><title>Welcome</title>"), "not ClickHouse's"),
        (answer(200, ""), "not ClickHouse's"),
        (redirect, "redirects are not followed"),
        (answer(401, "who are you"), "check `username`"),
        (answer(404, "page not found"), "`url`"),
        (
            Reply::Exception(516, "default: Authentication failed".to_owned()),
            "check `username`, `password`",
        ),
        (
            Reply::Exception(497, "Not enough privileges".to_owned()),
            "grant the user INSERT",
        ),
        (
            Reply::Exception(60, "Table d.t does not exist".to_owned()),
            "create the table",
        ),
        (
            Reply::Exception(81, "Database d does not exist".to_owned()),
            "create the database",
        ),
        (Reply::Exception(12_345, "Something new".to_owned()), "Code: 12345"),
    ] {
        let message = unfit(of(reply).await);
        assert!(message.contains(says) && message.contains("Its rows wait"), "{message}");
    }
}

#[tokio::test]
async fn nobody_at_the_address_is_waited_for() {
    for (url, says) in [
        ("http://127.0.0.1:9", "refused"),
        ("http://nobody.invalid:8123", "nobody.invalid"),
    ] {
        let sink = sink(&text(url, "d", "", ""));
        let (message, _) = transient(try_write(&sink, &inserts(0..1)).await);
        assert!(message.contains(says), "{message}");
    }
    let sink = sink(&text("http://169.254.169.254", "d", "", ""));
    let message = unfit(try_write(&sink, &inserts(0..1)).await);
    assert!(message.contains("metadata"), "{message}");
}

#[tokio::test]
async fn rows_are_kept_through_every_failure_until_they_are_stored() {
    let fake = Fake::start(|nth, _| match nth {
        0..=9 => Reply::Cut,
        10..=19 => Reply::Exception(242, "Table is in readonly mode".to_owned()),
        _ => Reply::Done(String::new()),
    })
    .await;
    let sink = sink(&text(&fake.url, "d", "", "id_column = \"id\""));
    let writes = inserts(0..3);
    let mut failures = 0;
    while try_write(&sink, &writes).await.is_err() {
        failures += 1;
        assert!(failures < 50, "it never ends");
    }
    let all = fake.inserts();
    assert!(
        failures >= 10 && all.iter().all(|seen| seen.body == all[0].body),
        "the same rows each time"
    );
}

#[tokio::test]
async fn requests_and_answers_that_are_lost_cost_no_row_and_double_none() {
    let Some(database) = Database::new("lost").await else {
        return;
    };
    let columns = "id String, n UInt32, ver UInt64";
    database
        .create("t", columns, "ReplacingMergeTree(ver) ORDER BY id")
        .await;
    let fate = |nth| match nth % 3 {
        0 => Fate::Lost,
        1 => Fate::AnswerLost,
        _ => Fate::Passed,
    };
    let relay = Relay::to(&database.server.url, fate).await;
    let sink = sink(&text(&relay.url, &database.name, "", "id_column = \"id\""));
    for batch in 0..4 {
        let writes = inserts(batch * 500..(batch + 1) * 500 + 100);
        while try_write(&sink, &writes).await.is_err() {}
    }
    assert_eq!(
        database.value("SELECT count(), uniqExact(id) FROM {db}.t FINAL").await,
        "2100\t2100"
    );
}

#[tokio::test]
async fn a_server_that_comes_back_at_the_same_address_is_written_to() {
    let Some(database) = Database::new("away").await else {
        return;
    };
    database
        .create("t", "id String, n UInt32", "ReplacingMergeTree ORDER BY id")
        .await;
    let port = danube_wasm_testkit::servers::free_port();
    let sink = sink(&text(
        &format!("http://127.0.0.1:{port}"),
        &database.name,
        "",
        "id_column = \"id\"",
    ));
    transient(try_write(&sink, &inserts(0..3)).await);
    let target = database
        .server
        .url
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok())
        .expect("a port");
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .expect("the port");
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut far = tokio::net::TcpStream::connect(("127.0.0.1", target))
                .await
                .expect("the server");
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
        }
    });
    done(&sink, &inserts(0..3)).await;
    assert_eq!(database.value("SELECT count() FROM {db}.t FINAL").await, "3");
}
