//! Every file of `corpus/` holds, and the corpus is what it should be.

mod support;

use std::{collections::BTreeSet, fs};

use danube_wasm_fuzz::{TARGETS, undamaged_messages};
use support::{corpus, folder, guarded, target};

fn replay(name: &str) {
    let target = target(name);
    let files = corpus(&target);
    assert!(!files.is_empty(), "{} has no file", folder(&target).display());
    for (path, bytes) in files {
        guarded(&target, &bytes, || format!("corpus file {}", path.display()));
    }
}

#[test]
fn config_holds_for_its_corpus() {
    replay("config");
}

#[test]
fn columns_holds_for_its_corpus() {
    replay("columns");
}

#[test]
fn envelope_holds_for_its_corpus() {
    replay("envelope");
}

#[test]
fn topic_holds_for_its_corpus() {
    replay("topic");
}

#[test]
fn ingress_holds_for_its_corpus() {
    replay("ingress");
}

#[test]
fn log_holds_for_its_corpus() {
    replay("log");
}

/// Fails when a seed is not there as it is; `UPDATE=1` writes it.
#[test]
fn every_seed_is_in_the_corpus() {
    for target in TARGETS {
        for (name, bytes) in (target.seeds)() {
            let path = folder(&target).join(name);
            if std::env::var_os("UPDATE").is_some() {
                fs::create_dir_all(folder(&target)).expect("a folder");
                fs::write(&path, &bytes).expect("a file");
            }
            assert!(
                fs::read(&path).is_ok_and(|found| found == bytes),
                "{} is out of date: run `UPDATE=1 cargo test -p danube-wasm-fuzz --test corpus`",
                path.display()
            );
        }
    }
}

/// Or `fuzz/` and the tests search different things.
#[test]
fn every_target_is_given_to_cargo_fuzz() {
    let fuzz = support::root().join("fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).expect("a manifest");
    for target in TARGETS {
        let name = target.name;
        assert!(
            manifest.contains(&format!("name = \"{name}\"\n")),
            "{name} is in no [[bin]]"
        );
        let source = fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs"))).expect("a target");
        assert!(source.contains(&format!("danube_wasm_fuzz::{name}(data)")), "{name}");
    }
}

#[test]
fn the_logs_hold_what_the_generator_published() {
    let ids = |name| {
        let ids = undamaged_messages(name).into_iter();
        let ids = ids.map(|message| (message.topic.to_string(), message.id.to_string()));
        ids.collect::<BTreeSet<_>>()
    };
    let published = ids("published");
    assert_eq!(published.len(), 3 * 24);
    assert!(ids("empty").is_empty());
    // What its only subscription has acknowledged from the beginning on is gone, and a topic.
    let kept = ids("closed");
    assert!((24..48).contains(&kept.len()) && kept.is_subset(&published), "{kept:?}");
    assert_eq!(ids("crashed"), kept);
}
