//! What a table leaves behind over many commits, in memory and beside it.

use std::{
    fs::{self, File},
    path::Path,
    process::Command,
    time::{Duration, SystemTime},
};

use danube_wasm_model::door::Egress as _;

use crate::support::{COLUMNS, append, inserts, one, sink_as};

const MIB: usize = 1 << 20;

/// Memory of this process that is in use, in bytes, as Linux tells it.
fn memory() -> usize {
    status_of("VmRSS:")
}

/// The most that it was since [`forget_peak`].
fn peak() -> usize {
    status_of("VmHWM:")
}

fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").expect("Linux");
}

fn status_of(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with(name)).expect("a line");
    let kib: usize = line
        .split_whitespace()
        .nth(1)
        .expect("a number")
        .parse()
        .expect("a number");
    kib << 10
}

/// Names of the files in a folder that end so.
fn names(folder: &Path, end: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(end)).collect();
    names.sort();
    names
}

#[tokio::test]
async fn memory_stays_flat_over_1_000_commits_and_checkpoints_are_made() {
    let dir = tempfile::tempdir().expect("a directory");
    let table = dir.path().join("table");
    let keys = format!("{COLUMNS}\ncheckpoint_commits = 20\nwindow_rows = 10_000");
    let sink = sink_as(&one(&table.display().to_string(), &keys), "here");
    let (mut early, mut late) = (0, 0);
    for commit in 0..1_000 {
        append(&sink, &inserts(10 * commit..10 * (commit + 1))).await;
        match commit {
            // What is filled once, is: the window, threads' stacks, the allocator's own.
            100..400 => early = early.max(memory()),
            700.. => late = late.max(memory()),
            _ => {}
        }
    }
    sink.close().await.expect("it closes");
    let grown = late.saturating_sub(early);
    println!(
        "memory: {} MiB after 400 commits, {} MiB after 1,000",
        early / MIB,
        late / MIB
    );
    assert!(grown < 32 * MIB, "600 commits took {} MiB", grown / MIB);
    let checkpoints = names(&table.join("_delta_log"), ".checkpoint.parquet");
    assert!(checkpoints.len() >= 40, "{checkpoints:?}");
    // Small commits share a file of ids, and what the window does not hold is removed.
    let ids = names(&table.join("_danube_wasm/lake"), ".ids");
    assert!((1..=4).contains(&ids.len()), "{ids:?}");
}

/// A commit of another program that adds so many files.
fn many_files(count: usize) -> String {
    let add = |n: usize| {
        let stats = format!(
            "{{\\\"numRecords\\\":10,\\\"minValues\\\":{{\\\"n\\\":{n},\\\"text\\\":\\\"a{n}\\\"}},\\\"maxValues\\\":{{\\\"n\\\":{},\\\"text\\\":\\\"z{n}\\\"}},\
             \\\"nullCount\\\":{{\\\"n\\\":0,\\\"text\\\":0}}}}",
            n + 9
        );
        format!(
            "{{\"add\":{{\"path\":\"part-{n:08}-5fba94ed-9794-4965-ba6e-6ee3c0d22af9.c000.zstd.parquet\",\"partitionValues\":{{}},\
             \"size\":1000,\"modificationTime\":1700000000000,\"dataChange\":true,\"stats\":\"{stats}\"}}}}\n"
        )
    };
    (0..count).map(add).collect()
}

/// delta-io/delta-rs#2628: a checkpoint of 600 MB took 7 GB of memory.
#[test]
fn a_checkpoint_takes_no_more_memory_than_a_few_times_its_log() {
    // In a process of its own: memory is counted for a process, and other tests run in this one.
    let child = Command::new(std::env::current_exe().expect("this test"))
        .args([
            "--exact",
            "long::a_checkpoint_of_a_large_log",
            "--ignored",
            "--nocapture",
        ])
        .output()
        .expect("it runs");
    let (said, wrong) = (
        String::from_utf8_lossy(&child.stdout),
        String::from_utf8_lossy(&child.stderr),
    );
    println!("{said}");
    assert!(child.status.success() && said.contains("1 passed"), "{said}{wrong}");
}

#[tokio::test]
#[ignore = "a process of its own, started by the other test"]
async fn a_checkpoint_of_a_large_log() {
    let dir = tempfile::tempdir().expect("a directory");
    let table = dir.path().join("table");
    let log = table.join("_delta_log");
    let open = |keys: &str| sink_as(&one(&table.display().to_string(), &format!("{COLUMNS}{keys}")), "here");
    let first = open("");
    append(&first, &inserts(0..1)).await;
    first.close().await.expect("it closes");
    let commit = many_files(100_000);
    let bytes = commit.len();
    fs::write(log.join(format!("{:020}.json", 2)), commit).expect("a file");
    forget_peak();
    let before = memory();
    let sink = open("checkpoint_commits = 1\n");
    append(&sink, &inserts(1..2)).await;
    danube_wasm_testkit::until("its checkpoint", || {
        (!names(&log, ".checkpoint.parquet").is_empty()).then_some(())
    })
    .await;
    sink.close().await.expect("it closes");
    let name = &names(&log, ".checkpoint.parquet")[0];
    let size = fs::metadata(log.join(name)).expect("a file").len();
    assert!(size > 1 << 20, "it has the other program's files: {size} bytes");
    let grown = peak().saturating_sub(before);
    println!("a log of {} MiB took {} MiB", bytes / MIB, grown / MIB);
    assert!(
        grown < 4 * bytes,
        "a log of {} MiB took {} MiB",
        bytes / MIB,
        grown / MIB
    );
}

#[tokio::test]
async fn ids_of_processes_that_are_gone_are_removed_when_nobody_needs_them() {
    let dir = tempfile::tempdir().expect("a directory");
    let table = dir.path().join("table");
    let folder = table.join("_danube_wasm/lake");
    let text = one(&table.display().to_string(), &format!("{COLUMNS}\nwindow_rows = 1_000"));
    let run = async |consumer: &str, numbers| {
        let sink = sink_as(&text, consumer);
        let unchanged = append(&sink, &inserts(numbers)).await.unchanged;
        sink.close().await.expect("it closes");
        unchanged
    };
    // Each process has another name, as those of a deployment have.
    run("pod-1", 0..600).await;
    run("pod-2", 600..1_200).await;
    run("pod-3", 1_200..1_800).await;
    // This one crashed before its commit.
    fs::write(folder.join(format!("pod-2-{:020}-{}.ids", 9, "ab".repeat(16))), [0; 16]).expect("a file");
    assert_eq!(names(&folder, ".ids").len(), 4, "{:?}", names(&folder, ".ids"));

    // Their processes may be slow: they stay for a while.
    assert_eq!(run("pod-4", 1_200..1_801).await, 600);
    assert_eq!(names(&folder, ".ids").len(), 5);
    let old = SystemTime::now() - Duration::from_secs(8 * 24 * 3600);
    for name in names(&folder, ".ids").iter().filter(|name| !name.starts_with("pod-4")) {
        let hours = match name.starts_with("pod-3") {
            true => 2,
            false if name.starts_with("pod-2-00000000000000000001") => 1,
            false => 0,
        };
        let age = old + Duration::from_secs(hours * 3600);
        File::options()
            .write(true)
            .open(folder.join(name))
            .expect("a file")
            .set_modified(age)
            .expect("its age");
    }
    // The window has 1,000 rows: those of the first process are not in it any more.
    assert_eq!(run("pod-5", 1_200..1_802).await, 601);
    let left: Vec<_> = names(&folder, ".ids")
        .iter()
        .map(|name| name[..26].to_owned())
        .collect();
    let wanted = ["pod-2", "pod-3", "pod-4", "pod-5"].map(|pod| format!("{pod}-{:020}", 1));
    assert_eq!(left, wanted, "{:?}", names(&folder, ".ids"));
}
