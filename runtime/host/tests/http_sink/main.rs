//! The sink `http` in the real host: webhooks, sandbox, embedded log, and receivers as processes of their own. The example
//! `order-hooks`, whose receiver is killed, and the quick start of the sink's page.

mod site;

use std::{
    collections::BTreeSet,
    process::{Command, Stdio},
};

use danube_wasm_testkit::{
    servers::{Server, free_port, program},
    until,
};

use site::{Site, located, output, repository, stop};

#[tokio::test(flavor = "multi_thread")]
async fn each_step_arrives_once_and_in_order_while_the_receiver_is_killed_and_moves() {
    let example = Site::example();
    let (port, other_port) = (free_port(), free_port());
    let mut receiver = example.receiver(port);
    let host = example.start(port).await;
    example.send(&host, 1).await;
    example.until_received(50).await;
    // In the middle of some requests, whose outcome nobody knows.
    receiver.kill();
    // Answered 200, because they are on disk.
    example.send(&host, 21).await;
    receiver = example.receiver(port);
    example.until_received(200).await;

    // Gone again, and this process stops and starts meanwhile.
    receiver.kill();
    example.send(&host, 41).await;
    stop(host).await;
    let host = example.start(port).await;
    example.send(&host, 61).await;
    assert_eq!(example.received().len(), 200);
    // It comes back elsewhere: a reload is enough.
    let _receiver = example.receiver(other_port);
    host.apply(example.pipeline(other_port)).await.expect("a reload");
    example.until_received(400).await;
    stop(host).await;

    let received = example.received();
    let ids: BTreeSet<_> = received.iter().map(|(id, ..)| id).collect();
    assert_eq!((received.len(), ids.len()), (400, 400), "each event once, with one id");
    for order in 1..=80 {
        let name = format!("o{order}");
        let steps = received.iter().filter(|(_, of, _)| *of == name);
        let steps: Vec<_> = steps.map(|(.., step)| *step).collect();
        assert_eq!(steps, [0, 1, 2, 3, 4], "{name}");
    }
}

/// The same pipeline with one line changed: its broker is NATS, which is killed, too.
#[cfg(feature = "nats")]
#[tokio::test(flavor = "multi_thread")]
async fn each_step_arrives_once_and_in_order_through_nats_while_that_is_killed() {
    use danube_wasm_testkit::nats::NatsServer;
    let directory = tempfile::tempdir().expect("a directory");
    let Some(mut nats) = NatsServer::start(directory.path(), "") else {
        return;
    };
    let broker = format!(
        "broker_url = \"{}\"\n\n[nats]\nreplicas = 1\naccept_loss = true\n",
        nats.url()
    );
    let example = Site::example_on(&broker);
    let port = free_port();
    let mut receiver = example.receiver(port);
    let host = example.start(port).await;
    example.send(&host, 1).await;
    example.until_received(50).await;
    nats.kill();
    nats.run();
    // Senders wait until it is there again.
    example.send(&host, 21).await;
    example.until_received(200).await;
    receiver.kill();
    example.send(&host, 41).await;
    stop(host).await;
    let host = example.start(port).await;
    let _receiver = example.receiver(port);
    example.until_received(300).await;
    stop(host).await;

    let findings = danube_wasm_host::probe::everything(&example.pipeline(port))
        .await
        .expect("checks");
    let broker: Vec<_> = findings
        .iter()
        .filter(|finding| finding.what.contains("nats://"))
        .collect();
    assert!(
        matches!(broker[..], [_]) && broker[0].outcome == danube_wasm_host::probe::Outcome::Reached,
        "{findings:?}"
    );

    let received = example.received();
    let ids: BTreeSet<_> = received.iter().map(|(id, ..)| id).collect();
    assert_eq!((received.len(), ids.len()), (300, 300), "each event once, with one id");
    for order in 1..=60 {
        let name = format!("o{order}");
        let steps = received.iter().filter(|(_, of, _)| *of == name);
        let steps: Vec<_> = steps.map(|(.., step)| *step).collect();
        assert_eq!(steps, [0, 1, 2, 3, 4], "{name}");
    }
}

/// What stands between two lines of a page.
fn between<'p>(page: &'p str, start: &str, end: &str) -> &'p str {
    let (_, rest) = page.split_once(start).expect(start);
    rest.split_once(end).expect(end).0
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quick_start_of_the_page_works_as_it_is_written() {
    let (site, page, port) = (Site::new(), repository("docs/sinks/http.md"), free_port());
    let here = |text: &str| text.replace("9200", &port.to_string());
    site.write("pipeline.toml", &here(between(&page, "```toml\n", "```")));
    site.write("receiver.py", &here(between(&page, "<<'PY'\n", "\nPY\n")));
    let start = || {
        let printed = std::fs::File::options()
            .create(true)
            .append(true)
            .open(site.path("printed"));
        let mut python = program("python3").expect("Python 3");
        let python = python.arg(site.path("receiver.py")).stderr(Stdio::null());
        Server::start(python.stdout(printed.expect("a file")))
    };
    let printed = |line: &str| {
        let text = std::fs::read_to_string(site.path("printed")).unwrap_or_default();
        text.lines()
            .any(|own| own.starts_with("msg_") && own.ends_with(line))
            .then_some(())
    };
    let mut receiver = start();
    let host = site.start(port).await;
    let url = located(&host, "hooks/in", "/events").await;
    let post = |body: &'static str| {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--fail",
            "-H",
            "content-type: application/json",
            "-d",
            body,
            &url,
        ]);
        output(curl)
    };
    let said = post("{\"n\":1}").await;
    assert!(said.contains("\"durable\":true"), "{said}");
    until("the first is printed", || printed(" {\"n\":1}")).await;
    receiver.kill();
    post("{\"n\":2}").await;
    let _receiver = start();
    until("the second is printed", || printed(" {\"n\":2}")).await;
    stop(host).await;
}
