//! Receivers that do not answer as they should.

use danube_wasm_model::door::{Egress as _, WriteReport};
use danube_wasm_testkit::until;
use tokio::{io::AsyncWriteExt as _, net::TcpListener, sync::watch};

use crate::support::{
    finish, insert, inserts, later, one, report,
    server::{Reply, Server},
    sink, soon, try_write, unfit,
};

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_asked_for_again() {
    let (_never, told) = watch::channel(false);
    let server = Server::start(move |_, _| Reply::After(told.clone(), Box::new(200.into()))).await;
    let sink = sink(&one(&server.url("/"), "timeout_ms = 200"));
    let report = report(&sink, &inserts(1)).await;
    assert!(later(&report).0.contains("has not answered in 200 ms"), "{report:?}");
}

/// hyperium/hyper#2136, seanmonstar/reqwest#2021: a POST on a connection that is being closed failed now and then.
#[tokio::test]
async fn a_kept_connection_that_the_receiver_closes_costs_nothing_but_a_new_one() {
    let server = Server::start(|nth, _| if nth % 2 == 1 { Reply::Cut } else { 200.into() }).await;
    let sink = sink(&one(&server.url("/"), ""));
    for write in inserts(5) {
        assert_eq!(report(&sink, &[write]).await, WriteReport::default());
    }
    // The first on a new connection; each other one meets the end of a kept one, and is sent once more.
    assert_eq!(server.seen().len(), 9);
}

#[tokio::test]
async fn a_connection_that_ends_before_the_answer_leaves_the_outcome_open() {
    let server = Server::start(|_, _| Reply::Cut).await;
    let report = report(&sink(&one(&server.url("/"), "")), &inserts(1)).await;
    assert!(
        later(&report).0.contains("whether the request was taken is not known"),
        "{report:?}"
    );
}

#[tokio::test]
async fn a_connection_that_ends_within_the_body_of_an_answer_has_said_enough() {
    let server = Server::start(|_, _| Reply::CutWithinBody).await;
    assert_eq!(
        report(&sink(&one(&server.url("/"), "")), &inserts(1)).await,
        WriteReport::default()
    );
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn of_an_answer_without_end_only_its_beginning_is_read() {
    let server = Server::start(|_, _| Reply::Endless).await;
    let sink = sink(&one(&server.url("/"), ""));
    for write in inserts(3) {
        assert_eq!(report(&sink, &[write]).await, WriteReport::default());
    }
    assert_eq!(server.connections(), 3, "none of them can be used again");
}

/// vectordotdev/vector#6282: nothing was tried again where the peer was offline at the start.
#[tokio::test]
async fn an_endpoint_that_is_not_there_yet_is_waited_for() {
    let address = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port")
        .local_addr()
        .expect("an address");
    let sink = sink(&one(&format!("http://{address}/"), ""));
    let first = report(&sink, &inserts(1)).await;
    assert!(later(&first).0.contains("refused"), "{first:?}");
    let server = Server::at(address, |_, _| 200.into()).await;
    assert!(finish(&sink, inserts(3)).await.is_empty());
    assert_eq!(server.seen().len(), 3);
}

/// lensesio/stream-reactor#1819: after its last retry a record was gone, and in no dead letter.
#[tokio::test]
async fn a_record_that_fails_again_and_again_is_neither_given_up_nor_refused() {
    let (tell, told) = watch::channel(false);
    let server = Server::start(move |_, seen| match seen.text() {
        "\"it fails\"" if !*told.borrow() => 500.into(),
        _ => 200.into(),
    })
    .await;
    let sink = sink(&one(&server.url("/"), ""));
    let failing = insert("failing", "\"it fails\"");
    for other in inserts(50) {
        let report = report(&sink, &[failing.clone(), other]).await;
        let later: Vec<_> = report.later.iter().map(|later| &later.places[..]).collect();
        assert_eq!((later, report.refused.len()), (vec![&[0][..]], 0));
    }
    tell.send_replace(true);
    assert_eq!(report(&sink, &[failing]).await, WriteReport::default());
    let tries = server.bodies().into_iter().filter(|body| body == "\"it fails\"");
    assert_eq!(tries.count(), 51);
}

/// hookdeck/outpost#314: a DNS error was final.
#[tokio::test]
async fn a_name_that_is_not_known_may_be_known_later() {
    let sink = sink(&one("http://nobody.invalid/", ""));
    let report = report(&sink, &inserts(1)).await;
    assert!(later(&report).0.contains("nobody.invalid"), "{report:?}");
}

#[tokio::test]
async fn what_does_not_speak_http_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"220 mail.example ESMTP\r\n").await;
        }
    });
    let report = report(&sink(&one(&format!("http://{address}/"), "")), &inserts(1)).await;
    assert!(later(&report).0.contains("check scheme and port"), "{report:?}");
}

#[tokio::test]
async fn a_web_page_is_not_quoted() {
    let page = "<!DOCTYPE html><html><body>Sign in</body></html>";
    let server = Server::start(move |_, _| (404, page).into()).await;
    let message = unfit(try_write(&sink(&one(&server.url("/"), "")), &inserts(1)).await);
    assert!(
        message.contains("with a web page") && !message.contains("Sign in"),
        "{message}"
    );
}

#[tokio::test]
async fn an_endpoint_that_is_down_gets_one_request_and_not_the_whole_batch() {
    let (tell, told) = watch::channel(false);
    let server = Server::start(move |_, _| if *told.borrow() { 200.into() } else { Reply::Cut }).await;
    let sink = sink(&one(&server.url("/"), ""));
    report(&sink, &inserts(100)).await;
    assert!(server.seen().len() < 40, "{}", server.seen().len());
    let before = server.seen().len();
    report(&sink, &inserts(100)).await;
    assert_eq!(server.seen().len(), before, "it is left alone for a while");
    tell.send_replace(true);
    assert!(finish(&sink, inserts(100)).await.is_empty());
}

#[tokio::test]
async fn closing_gives_up_what_is_on_its_way_and_tells_whoever_waits() {
    let (_never, told) = watch::channel(false);
    let server = Server::start(move |_, _| Reply::After(told.clone(), Box::new(200.into()))).await;
    let sink = std::sync::Arc::new(sink(&one(&server.url("/"), "")));
    let writing = tokio::spawn({
        let sink = sink.clone();
        async move { report(&sink, &inserts(20)).await }
    });
    until("a request is on its way", || (server.busy() > 0).then_some(())).await;
    soon("it to close", sink.close()).await.expect("closed");
    let report = writing.await.expect("told");
    assert_eq!(report.later.iter().map(|later| later.places.len()).sum::<usize>(), 20);
    until("the connections are gone", || (server.busy() == 0).then_some(())).await;
    assert!(sink.write(&inserts(1)).await.is_err());
}
