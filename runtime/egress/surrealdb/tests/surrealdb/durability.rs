//! Acknowledged writes survive a crash and a full disk. The process that crashes is a child.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use danube_wasm_model::{door::Egress as _, message::Operation::Upsert};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};

use crate::common::{count, disk, insert, query, write, write_all};

const DIRECTORY: &str = "DANUBE_WASM_TEST_DIRECTORY";

/// Starts this binary again, with one of the ignored tests below.
fn child(test: &str, directory: &Path) -> Child {
    let program = std::env::current_exe().expect("this binary");
    // The shell ignores the signal for a file that exceeds the size limit, and its child inherits that.
    Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" --ignored --exact --nocapture \"$1\""])
        .arg(program)
        .arg(format!("durability::{test}"))
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts")
}

fn batch(number: u64) -> Vec<danube_wasm_model::door::Write> {
    let body = json!({"batch": number, "text": "x".repeat(200)});
    (0..20)
        .map(|i| insert("t", &format!("{number}.{i}"), &body))
        .chain([write(Upsert, "last", "one", number + 1, &json!({"batch": number}))])
        .collect()
}

#[test]
#[ignore = "the child of `acknowledged_writes_survive_kill_9`"]
fn writes_until_killed() {
    let Ok(directory) = std::env::var(DIRECTORY) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let db = disk(Path::new(&directory));
        for number in 0.. {
            write_all(&db, &batch(number)).await;
            println!("acknowledged {number}");
        }
    });
}

#[tokio::test]
async fn acknowledged_writes_survive_kill_9() {
    let directory = tempfile::tempdir().expect("a directory");
    for round in 0..2 {
        let mut child = child("writes_until_killed", directory.path());
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut acknowledged = None;
        for line in lines.map_while(Result::ok) {
            // The test harness prints a line of its own before the first.
            if let Some((_, number)) = line.split_once("acknowledged ") {
                acknowledged = Some(number.parse::<u64>().expect("a number"));
            }
            if acknowledged >= Some(10) {
                break;
            }
        }
        child.kill().expect("kills");
        child.wait().expect("ends");
        let acknowledged = acknowledged.expect("wrote something");

        let db = disk(directory.path());
        let rows = count(&db, "t").await;
        assert!(
            rows >= (acknowledged + 1) * 20,
            "round {round}: {rows} rows after {acknowledged} acknowledged batches"
        );
        assert_eq!(rows % 20, 0, "a statement is all or nothing");
        let last = query(&db, "SELECT VALUE batch FROM ONLY last:one").await;
        assert!(last.as_u64() >= Some(acknowledged), "{last}");
        for number in 0..=acknowledged {
            assert_eq!(write_all(&db, &batch(number)).await.refused, []);
        }
        assert_eq!(count(&db, "t").await, rows, "writing again changes nothing");
        db.close().await.expect("closes");
    }
}

#[test]
#[ignore = "the child of `a_full_disk_loses_nothing_and_writes_go_on_afterwards`"]
fn writes_into_a_full_disk() {
    let Ok(directory) = std::env::var(DIRECTORY) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let db = disk(Path::new(&directory));
        let (_, most) = getrlimit(Resource::RLIMIT_FSIZE).expect("a limit");
        write_all(&db, &batch(0)).await;
        println!("acknowledged 0");
        let mut next = 1;
        for full in 0..2_u64 {
            // No file may grow beyond this: the log's next write is cut off half-way.
            let limit = (full + 1) * 300_001;
            setrlimit(Resource::RLIMIT_FSIZE, limit, most).expect("sets");
            let error = loop {
                match db.write(&batch(next)).await {
                    Ok(report) => assert_eq!(report.refused, []),
                    Err(error) => break error,
                }
                println!("acknowledged {next}");
                next += 1;
            };
            println!("error {error:?}");
            assert!(
                matches!(error, danube_wasm_model::door::EgressError::Transient { .. }),
                "{error:?}"
            );
            setrlimit(Resource::RLIMIT_FSIZE, most, most).expect("sets");
            let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
            while let Err(error) = db.write(&batch(next)).await {
                println!("error {error:?}");
                assert!(tokio::time::Instant::now() < deadline, "never recovers: {error:?}");
            }
            for number in next..next + 5 {
                write_all(&db, &batch(number)).await;
                println!("acknowledged {number}");
            }
            next += 5;
        }
        println!("finished");
        db.close().await.expect("closes");
    });
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_writes_go_on_afterwards() {
    let directory = tempfile::tempdir().expect("a directory");
    let child = child("writes_into_a_full_disk", directory.path());
    let output = child.wait_with_output().expect("ends");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("finished"), "{text}");
    let acknowledged = text.lines().filter(|line| line.contains("acknowledged ")).count() as u64;
    let db = disk(directory.path());
    assert_eq!(count(&db, "t").await, acknowledged * 20);
    let batches = query(&db, "RETURN array::len(array::distinct(SELECT VALUE batch FROM t))").await;
    assert_eq!(batches, Value::from(acknowledged));
    db.close().await.expect("closes");
}
