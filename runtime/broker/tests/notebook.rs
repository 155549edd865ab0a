//! What connectors note is there after a crash, whole, in order and for its own connector only.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

#[path = "support/disk.rs"]
mod disk;
mod support;

use std::{fs, path::Path, sync::Arc};

use bytes::Bytes;
use danube_wasm_broker::{
    Broker,
    embedded::{EmbeddedBroker, EmbeddedOptions, Notebooks},
};
use danube_wasm_model::{
    ConnectorId,
    upstream::{MemoryNotebook, Notebook, NotebookError},
};
use disk::FaultyDisk;
use rand::{SeedableRng, rngs::StdRng};
use support::*;

fn id(pipeline: &str, connector: &str) -> ConnectorId {
    ConnectorId::try_new(pipeline, connector).unwrap()
}

fn set(key: &str, value: &str) -> (String, Option<Bytes>) {
    (key.to_owned(), Some(Bytes::copy_from_slice(value.as_bytes())))
}

fn clear(key: &str) -> (String, Option<Bytes>) {
    (key.to_owned(), None)
}

async fn notes(notebook: &dyn Notebook, prefix: &str) -> Vec<String> {
    let notes = notebook.scan(prefix).await.unwrap().into_iter();
    notes
        .map(|(key, value)| format!("{key}={}", String::from_utf8_lossy(&value)))
        .collect()
}

/// On the log that is the broker, on one of its own, and in memory, for tests of connectors.
#[tokio::test]
async fn notes_are_written_replaced_taken_out_and_listed() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let own = id("shop", "readings");
    let notebooks: [Arc<dyn Notebook>; 3] = [
        Notebooks::of_log(open(one.path())).of(&own),
        Notebooks::in_directory(other.path().join("notebook")).of(&own),
        Arc::new(MemoryNotebook::default()),
    ];
    for notebook in notebooks {
        assert_eq!(notebook.get("last").await.unwrap(), None);
        notebook.put(Vec::new()).await.unwrap();
        let first = vec![set("last", "1"), set("id/2", "b"), set("id/1", "a"), set("j", "")];
        notebook.put(first).await.unwrap();
        let second = vec![set("last", "2"), clear("id/2"), clear("never"), set("last", "3")];
        notebook.put(second).await.unwrap();
        assert_eq!(notebook.get("last").await.unwrap().as_deref(), Some(&b"3"[..]));
        assert_eq!(notebook.get("j").await.unwrap().as_deref(), Some(&b""[..]));
        assert_eq!(notes(&*notebook, "id/").await, ["id/1=a"]);
        assert_eq!(notes(&*notebook, "").await, ["id/1=a", "j=", "last=3"]);
    }
}

#[tokio::test]
async fn notes_are_there_when_the_log_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let broker = open(directory.path());
        let notebook = Notebooks::of_log(broker.clone()).of(&id("shop", "readings"));
        let before = notebook.get("round").await.unwrap();
        assert_eq!(before.as_deref(), (round > 0).then(|| vec![round - 1]).as_deref());
        let note = ("round".to_owned(), Some(Bytes::from(vec![round])));
        notebook.put(vec![note]).await.unwrap();
        broker.close().await.unwrap();
    }
}

#[tokio::test]
async fn connectors_do_not_see_the_notes_of_one_another() {
    let directory = tempfile::tempdir().unwrap();
    let notebooks = Notebooks::of_log(open(directory.path()));
    let owners = [
        id("shop", "readings"),
        id("shop", "readings2"),
        id("shop2", "readings"),
        ConnectorId::try_with_tenant("acme", "shop", "readings").unwrap(),
    ];
    for owner in &owners {
        let note = set("last", owner.as_str());
        notebooks.of(owner).put(vec![note]).await.unwrap();
    }
    for owner in &owners {
        let own = format!("last={owner}");
        assert_eq!(notes(&*notebooks.of(owner), "").await, [own]);
    }
    notebooks.of(&owners[0]).put(vec![clear("last")]).await.unwrap();
    assert_eq!(notes(&*notebooks.of(&owners[1]), "").await.len(), 1);
}

/// An older version of this program made it.
#[tokio::test]
async fn a_log_without_notebooks_gets_them() {
    let directory = tempfile::tempdir().unwrap();
    open_with_topic(directory.path(), 0).await.close().await.unwrap();
    let database = redb::Database::open(directory.path().join("log.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    let table = redb::TableDefinition::<(&str, &str), &[u8]>::new("notebooks");
    assert!(transaction.delete_table(table).unwrap());
    transaction.commit().unwrap();
    drop(database);
    let notebook = Notebooks::of_log(open(directory.path())).of(&id("shop", "readings"));
    assert_eq!(notes(&*notebook, "").await, [""; 0]);
    notebook.put(vec![set("last", "1")]).await.unwrap();
    assert_eq!(notes(&*notebook, "").await, ["last=1"]);
}

#[tokio::test]
async fn a_directory_is_made_for_the_first_note_and_used_by_one_process() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("notebook");
    let notebooks = Notebooks::in_directory(place.clone());
    let notebook = notebooks.of(&id("shop", "readings"));
    assert!(!place.exists());
    assert_eq!(notebook.get("last").await.unwrap(), None);
    notebook.put(vec![set("last", "1")]).await.unwrap();

    let second = Notebooks::in_directory(place.clone()).of(&id("shop", "readings"));
    let NotebookError { message } = second.get("last").await.unwrap_err();
    assert!(
        message.contains("shop/readings") && message.contains("in use by another process"),
        "{message}"
    );

    notebooks.close().await.unwrap();
    let closed = notebook.put(vec![set("last", "2")]).await.unwrap_err();
    assert!(closed.message.contains("the host has closed them"), "{closed}");
    assert_eq!(notes(&*second, "").await, ["last=1"], "tried again, it opens");
}

#[tokio::test]
async fn notes_at_the_limit_are_taken_and_one_byte_more_is_refused() {
    const BYTES_MAX: usize = 1 << 20;
    let directory = tempfile::tempdir().unwrap();
    let notebook = Notebooks::of_log(open(directory.path())).of(&id("shop", "readings"));
    notebook.put(vec![set("k", &"x".repeat(BYTES_MAX - 1))]).await.unwrap();
    notebook.put(vec![set(&"k".repeat(512), "")]).await.unwrap();
    for (key, value) in [("k", "x".repeat(BYTES_MAX)), (&*"k".repeat(513), String::new())] {
        let error = notebook
            .put(vec![set("other", ""), set(key, &value)])
            .await
            .unwrap_err();
        assert!(
            error.message.contains("cannot be written") && error.message.contains("bytes"),
            "{error}"
        );
    }
    assert_eq!(notebook.get("other").await.unwrap(), None);
}

fn open_on(disk: &FaultyDisk, directory: &Path) -> Option<Arc<EmbeddedBroker>> {
    let options = EmbeddedOptions {
        disk: Arc::new(disk.clone()),
        ..Default::default()
    };
    EmbeddedBroker::open(directory, options).ok()
}

/// The `n`-th state: two notes that change together, and one that comes and goes.
fn step(n: usize) -> Vec<(String, Option<Bytes>)> {
    let text = n.to_string();
    let third = if n.is_multiple_of(2) {
        clear("odd")
    } else {
        set("odd", &text)
    };
    vec![set("a", &text), third, set("b", &text)]
}

/// What is noted after `n` steps, all of them or none of each.
fn state(n: usize) -> Vec<String> {
    let odd = (n % 2 == 1).then(|| format!("odd={n}"));
    let both = [format!("a={n}"), format!("b={n}")];
    if n == 0 {
        Vec::new()
    } else {
        both.into_iter().chain(odd).collect()
    }
}

const STEPS: usize = 6;

/// Until one fails; how many were said to be durable.
async fn run(broker: &Arc<EmbeddedBroker>) -> usize {
    let notebook = Notebooks::of_log(broker.clone()).of(&id("shop", "readings"));
    for n in 1..=STEPS {
        if notebook.put(step(n)).await.is_err() {
            return n - 1;
        }
    }
    STEPS
}

#[tokio::test]
async fn the_power_goes_at_any_operation_and_each_put_is_there_as_a_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let broker = open_on(&disk, directory.path()).unwrap();
    let first = disk.operations();
    assert_eq!(run(&broker).await, STEPS);
    let end = disk.operations();
    broker.close().await.unwrap();
    assert!(end - first > 20, "{first} to {end}");
    for k in first..end {
        for seed in 0..3 {
            let disk = FaultyDisk::default();
            let broker = open_on(&disk, directory.path()).unwrap();
            disk.fail(k..u64::MAX);
            let confirmed = run(&broker).await;
            let _ = broker.close().await;
            let cut = disk.after_power_cut(&mut StdRng::seed_from_u64(k * 3 + seed));
            let broker = open_on(&cut, directory.path()).expect("opens after the cut");
            let notebook = Notebooks::of_log(broker.clone()).of(&id("shop", "readings"));
            let there = notes(&*notebook, "").await;
            assert!(
                there == state(confirmed) || there == state(confirmed + 1),
                "operation {k}, seed {seed}: {there:?} after {confirmed} steps"
            );
            broker.close().await.unwrap();
        }
    }
}

/// Many calls share a transaction, and the last one counts.
#[tokio::test]
async fn calls_take_effect_in_their_order() {
    let directory = tempfile::tempdir().unwrap();
    let notebook = Notebooks::of_log(open(directory.path())).of(&id("shop", "readings"));
    let puts = (0..500).map(|n: u32| notebook.put(vec![set("last", &n.to_string())]));
    for put in futures_util::future::join_all(puts).await {
        put.unwrap();
    }
    assert_eq!(notes(&*notebook, "").await, ["last=499"]);
}

#[tokio::test]
async fn a_failing_disk_is_an_error_that_says_so_and_notes_go_on_when_it_is_well() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let place = directory.path().join("notebook");
    let notebooks = Notebooks::on_disk(place.clone(), Arc::new(disk.clone()));
    let notebook = notebooks.of(&id("shop", "readings"));
    notebook.put(vec![set("last", "1")]).await.unwrap();
    let now = disk.operations();
    disk.fail(now..u64::MAX);
    let put = notebook.put(vec![set("last", "2")]).await.unwrap_err();
    let place = place.display().to_string();
    for part in [
        "the notes of connector shop/readings cannot be written",
        "the disk",
        &place,
    ] {
        assert!(put.message.contains(part), "{part}: {put}");
    }
    // Until the log has noticed, it reads what it remembers.
    let get = within(async {
        loop {
            match notebook.get("last").await {
                Ok(_) => tokio::time::sleep(std::time::Duration::from_millis(1)).await,
                Err(error) => break error,
            }
        }
    })
    .await;
    assert!(
        get.message.contains("cannot be read") && get.message.contains(&place),
        "{get}"
    );
    disk.fail(0..0);
    within(async {
        while notebook.put(vec![set("last", "3")]).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    })
    .await;
    assert_eq!(notes(&*notebook, "").await, ["last=3"]);
    notebooks.close().await.unwrap();
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let notebook = Notebooks::in_directory(file.join("notebook")).of(&id("shop", "readings"));
    let error = notebook.get("last").await.unwrap_err();
    assert!(error.message.contains(&*file.display().to_string()), "{error}");
}
