//! Who is let in, and passwords that change.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Stdio};

use danube_wasm_connector::Outcome;
use danube_wasm_pipeline::Status;
use danube_wasm_testkit::servers;

use crate::support::{
    mosquitto::Mosquitto,
    publisher::{publish_as, texts},
    source::{MqttProcess as _, Process, new_log, probe, table, texts_once},
};

/// A broker that knows one user.
async fn with_password() -> Option<Mosquitto> {
    servers::program("mosquitto_passwd")?;
    let broker = Mosquitto::start_with(|dir| {
        let file = dir.join("passwords");
        set_password(&file, "right");
        format!("allow_anonymous false\npassword_file {}", file.display())
    });
    broker.await
}

/// The broker's own file, which it reads when it starts.
fn set_password(file: &Path, password: &str) {
    let mut passwords = servers::program("mosquitto_passwd").expect("it comes with the broker");
    let made = passwords.arg("-b").arg("-c").arg(file).args(["danube", password]);
    assert!(made.stdout(Stdio::null()).status().expect("mosquitto_passwd").success());
    fs::set_permissions(file, fs::Permissions::from_mode(0o644)).expect("its mode");
}

/// With the password in a file.
fn login_with(file: &Path) -> String {
    format!("username = \"danube\"\npassword = {{ file = \"{}\" }}", file.display())
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

/// Who rotates a password changes it at the broker and in the file, in whatever order, while the source runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_rotated_is_read_anew_with_each_connection() {
    let Some(mut broker) = with_password().await else {
        return;
    };
    let file = broker.file("secret");
    std::fs::write(&file, "right\n").expect("the file");
    let login = login_with(&file);
    let log = new_log();
    let process = Process::start(&log, &table(broker.port, 1, &login)).await;
    process.subscribed(1).await;
    set_password(&broker.file("passwords"), "new");
    broker.kill_and_restart().await;
    let status = process.status("it waits", |status| status.reason().is_some()).await;
    assert!(matches!(status, Status::Degraded(_)), "it goes on trying: {status:?}");
    std::fs::write(&file, "new\n").expect("the file");
    process.status("it runs", |status| *status == Status::Running).await;
    publish_as(broker.port, ("danube", "new"), texts("plant/a", 1, ["in"])).await;
    assert_eq!(texts_once(&log.records(1).await), ["in"]);
    process.stop().await;
}

/// A source that starts between the two steps of a rotation. With a password in the pipeline file it would stop: that one does not
/// change by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_refused_with_a_password_from_a_file_is_tried_again_from_the_start() {
    for version in ["auto", "3.1.1"] {
        let Some(broker) = with_password().await else { return };
        let file = broker.file("secret");
        let login = format!("protocol = \"{version}\"\n{}", login_with(&file));
        fs::write(&file, "old\n").expect("the file");
        let log = new_log();
        let process = Process::start(&log, &table(broker.port, 1, &login)).await;
        let is_refused = |status: &Status| {
            let why = status.reason().unwrap_or_default();
            why.contains("refuses the client `test-plant`") && why.contains("which is read again at each try")
        };
        process.status("it is refused", is_refused).await;
        process
            .until_sum("it is tried again", "danube_wasm_source_reconnects_total", "", |sum| {
                sum >= 4
            })
            .await;
        assert!(matches!(process.now(), Status::Degraded(_)), "{:?}", process.now());
        // Who writes it anew may take it away first.
        fs::remove_file(&file).expect("the file");
        let is_away = |status: &Status| {
            let why = status.reason().unwrap_or_default();
            why.contains("the password's file") && why.contains("cannot be read")
        };
        process.status("its file is away", is_away).await;
        fs::write(&file, "right\n").expect("the file");
        process.subscribed(1).await;
        publish_as(broker.port, ("danube", "right"), texts("plant/a", 1, ["in"])).await;
        assert_eq!(texts_once(&log.records(1).await), ["in"]);
        process.stop().await;
    }
}
