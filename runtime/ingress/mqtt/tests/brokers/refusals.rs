//! What the broker refuses, in the sentence that the user reads.

use std::process::{Command, Stdio};

use danube_wasm_connector::Outcome;
use danube_wasm_pipeline::Status;
use danube_wasm_testkit::servers;

use crate::support::{
    mosquitto::Mosquitto,
    publisher::publish_as,
    publisher::texts,
    source::{MqttProcess as _, Process, new_log, probe, table, texts_once},
};

/// A broker that knows one user.
async fn with_password() -> Option<Mosquitto> {
    let mut passwords = servers::program("mosquitto_passwd")?;
    let broker = Mosquitto::start_with(|dir| {
        let file = dir.join("passwords");
        let made = passwords.arg("-b").arg("-c").arg(&file).args(["danube", "right"]);
        assert!(made.stdout(Stdio::null()).status().expect("mosquitto_passwd").success());
        let readable = Command::new("chmod").arg("644").arg(&file).status();
        assert!(readable.expect("chmod").success());
        format!("allow_anonymous false\npassword_file {}", file.display())
    });
    broker.await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_found_before_and_said_when_it_runs() {
    for version in ["auto", "5", "3.1.1"] {
        let Some(broker) = with_password().await else { return };
        let of = |user: &str| table(broker.port, 1, &format!("protocol = \"{version}\"\n{user}"));
        for wrong in [
            "username = \"danube\"\npassword = \"wrong\"",
            "username = \"nobody\"",
            "",
        ] {
            let log = new_log();
            let process = Process::start(&log, &of(wrong)).await;
            let status = process
                .status("it stops", |status| matches!(status, Status::Failed(_)))
                .await;
            let why = status.reason().expect("a reason");
            assert!(
                why.contains("refuses the client `test-plant`") && why.contains("`username` and `password`"),
                "{version}, {wrong}: {why}"
            );
            let findings = probe(&of(wrong)).await;
            assert!(
                matches!(&findings[..], [one] if matches!(&one.outcome, Outcome::Failed(why) if why.contains("`password`"))),
                "{findings:?}"
            );
            process.stop().await;
        }
        let right = of("username = \"danube\"\npassword = \"right\"");
        let findings = probe(&right).await;
        assert!(
            findings.len() == 2 && findings.iter().all(|one| one.outcome == Outcome::Reached),
            "{findings:?}"
        );
        let log = new_log();
        let process = Process::start(&log, &right).await;
        process.subscribed(1).await;
        publish_as(broker.port, ("danube", "right"), texts("plant/a", 1, ["in"])).await;
        assert_eq!(texts_once(&log.records(1).await), ["in"]);
        process.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_and_what_is_no_broker_is_named_with_a_cure() {
    let nobody = servers::free_port();
    let failed = |findings: Vec<danube_wasm_connector::Finding>| match &findings[..] {
        [one] => match &one.outcome {
            Outcome::Failed(why) => why.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let why = failed(probe(&table(nobody, 1, "")).await);
    assert!(
        why.contains(&format!("mqtt://127.0.0.1:{nobody} cannot be reached")),
        "{why}"
    );
    let web = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = web.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = web.accept().await {
            let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
            tokio::io::AsyncWriteExt::write_all(&mut socket, answer)
                .await
                .expect("sent");
        }
    });
    let why = failed(probe(&table(port, 1, "")).await);
    assert!(
        why.contains("is not MQTT") && why.contains("check that this is an MQTT port"),
        "{why}"
    );
}

/// A broker that is away at the start is waited for: lensesio/stream-reactor#832.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_is_waited_for() {
    let Some(mut broker) = Mosquitto::start("").await else {
        return;
    };
    broker.kill();
    let log = new_log();
    let process = Process::start(&log, &table(broker.port, 1, "")).await;
    let status = process.status("it waits", |status| status.reason().is_some()).await;
    assert!(matches!(status, Status::Degraded(_)), "{status:?}");
    broker.restart().await;
    process.subscribed(1).await;
    process.status("it runs", |status| *status == Status::Running).await;
    process.stop().await;
}

/// Who rotates a password changes it at the broker and in the file, in whatever order, while the source runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_rotated_is_read_anew_with_each_connection() {
    let Some(mut broker) = with_password().await else {
        return;
    };
    let file = broker.file("secret");
    std::fs::write(&file, "right\n").expect("the file");
    let login = format!("username = \"danube\"\npassword = {{ file = \"{}\" }}", file.display());
    let log = new_log();
    let process = Process::start(&log, &table(broker.port, 1, &login)).await;
    process.subscribed(1).await;
    let mut passwords = servers::program("mosquitto_passwd").expect("it was there before");
    let changed = passwords
        .arg("-b")
        .arg(broker.file("passwords"))
        .args(["danube", "new"]);
    assert!(
        changed
            .stdout(Stdio::null())
            .status()
            .expect("mosquitto_passwd")
            .success()
    );
    let readable = Command::new("chmod").arg("644").arg(broker.file("passwords")).status();
    assert!(readable.expect("chmod").success());
    broker.kill_and_restart().await;
    let status = process.status("it waits", |status| status.reason().is_some()).await;
    assert!(matches!(status, Status::Degraded(_)), "it goes on trying: {status:?}");
    std::fs::write(&file, "new\n").expect("the file");
    process.status("it runs", |status| *status == Status::Running).await;
    publish_as(broker.port, ("danube", "new"), texts("plant/a", 1, ["in"])).await;
    assert_eq!(texts_once(&log.records(1).await), ["in"]);
    process.stop().await;
}
