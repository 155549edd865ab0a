//! `run --dev`: files that change are applied by themselves, under load, without losing or repeating a record.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::{
    harness::{self, Pipeline, Scratch, Setup, payment},
    steering::status,
};

/// The component, and one that does the same and is another: with a custom section at its end.
fn write(component: &Path, version: u8) {
    let mut bytes = std::fs::read(harness::guest("document_sink")).expect("a component");
    bytes.extend([0, 3, 1, b'v', version]);
    std::fs::write(component, bytes).expect("a component");
}

fn start(scratch: &Scratch) -> Pipeline {
    let pipeline = Pipeline::spawn_args(&["run", "--dev", &scratch.file().display().to_string()], &[]);
    pipeline.until("the pipeline runs", |p| p.log("running").is_some());
    pipeline
}

#[test]
fn a_component_that_is_written_anew_is_swapped_under_load() {
    let scratch = Setup::default().write();
    let component = scratch.path().join("sink.wasm");
    write(&component, b'0');
    scratch.set(&Setup {
        sink: component.display().to_string(),
        ..Setup::default()
    });
    let pipeline = start(&scratch);
    let digest = || status(&scratch, "test/surrealdb")["component"]["sha256"].clone();
    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..3)
        .map(|_| {
            let (client, address, stop) = (pipeline.client(), pipeline.address(), stop.clone());
            std::thread::spawn(move || {
                let mut sent = 0;
                while !stop.load(Ordering::Acquire) {
                    let answer = harness::post(&client, &address, &[], payment(sent).to_string()).expect("an answer");
                    assert_eq!(answer.status, 200, "{answer:?}");
                    sent += 1;
                    // Not faster than the rows are written, however long the swaps take.
                    std::thread::park_timeout(Duration::from_millis(10));
                }
                sent
            })
        })
        .collect();
    for version in [b'1', b'2', b'3'] {
        let before = digest();
        write(&component, version);
        pipeline.until("it is swapped", |_| {
            // One look: while one makes way for the other there is none.
            let now = digest();
            now.is_string() && now != before
        });
    }
    // What is no component changes nothing.
    let before = digest();
    std::fs::write(&component, b"not a component").expect("a file");
    pipeline.until("it is refused", |p| p.logged("a file has changed: applying it") >= 4);
    pipeline.until("why is said", |p| p.dump().contains("sink.wasm"));
    pipeline.until("the old one runs", |_| digest() == before);
    stop.store(true, Ordering::Release);
    let sent: u64 = senders.into_iter().map(|sender| sender.join().expect("a sender")).sum();
    pipeline.until("every event is a row", |_| scratch.rows() == sent);
    let sink = status(&scratch, "test/surrealdb");
    assert_eq!(sink["processed"], sent, "nothing is repeated: {sink}");
    assert_eq!((&sink["retried"], &sink["lag"]), (&0.into(), &0.into()));
    pipeline.stop();
}

#[test]
fn a_file_with_a_mistake_is_said_and_the_next_one_is_applied() {
    let scratch = Setup::default().write();
    let pipeline = start(&scratch);
    scratch.set(&Setup {
        endpoint: "no_such_key = 1".into(),
        ..Setup::default()
    });
    pipeline.until("it is refused", |p| p.dump().contains("no_such_key"));
    assert_eq!(pipeline.post(&payment(1)).status, 200);
    scratch.set(&Setup {
        sink: harness::guest("drop_everything"),
        ..Setup::default()
    });
    pipeline.until("it is applied", |p| p.logged("the file was applied again") == 1);
    pipeline.stop();
}

#[test]
fn source_that_does_not_build_leaves_everything_as_it_was() {
    let scratch = Setup::default().write();
    let folder = scratch.path().join("connector");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("lib.rs"), "").expect("a file");
    let (file, folder_text) = (scratch.file().display().to_string(), folder.display().to_string());
    let pipeline = Pipeline::spawn_args(&["run", "--dev", "--build", &folder_text, &file], &[]);
    pipeline.until("the pipeline runs", |p| p.log("running").is_some());
    let mut n = 0;
    pipeline.until("it is built", |p| {
        // Again now and then, should the first change have come before the first look. In between it rests: a file that is
        // being written is not built.
        if n % 100 == 0 {
            std::fs::write(folder.join("lib.rs"), "x".repeat(1 + n / 100)).expect("a file");
        }
        n += 1;
        p.log("the source has changed: building").is_some()
    });
    pipeline.until("why not is said", |p| {
        p.dump().contains("has neither connector.toml nor Cargo.toml")
    });
    assert_eq!(pipeline.post(&payment(1)).status, 200);
    pipeline.stop();
}
