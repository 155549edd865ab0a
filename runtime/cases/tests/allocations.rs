//! What `danube-wasm bench` counts of a component's allocations.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use danube_wasm_cases::{
    Component, Input,
    bench::{self, Allocations, Bench},
    read::CaseConfig,
};
use danube_wasm_sandbox::{Compiler, Sandbox, SandboxOptions};
use wasm_encoder::{Module, RawSection};
use wasmparser::{Parser, Payload};

fn guest(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../target/guests/{name}.wasm"))
}

/// What is measured with these inputs, as shortly as it can be: allocations need no time.
async fn measured(file: &Path, inputs: &[Input]) -> Bench {
    let component = Component::read(file).unwrap_or_else(|mistakes| panic!("make test-guests: {mistakes}"));
    let config = CaseConfig::default_of(component.info.role);
    let scratch = tempfile::tempdir().expect("a folder");
    let options = SandboxOptions::new(scratch.path().join("cache"), Compiler::InProcess);
    let sandbox = Sandbox::try_new(options).expect("a sandbox");
    let measured = bench::bench(&component, &sandbox, &config, inputs, Duration::from_millis(1)).await;
    measured.expect("a measurement")
}

async fn bench_of(file: &Path, action: &str) -> Bench {
    let input = Input::new(format!("{{\"do\":\"{action}\"}}"));
    measured(file, &[input]).await
}

/// The same component without custom sections in its modules, as `strip = true` makes it.
fn stripped(component: &[u8]) -> Vec<u8> {
    let mut copy = wasm_encoder::Component::new();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload.expect("a component");
        if depth == 0
            && let Some((id, range)) = payload.as_section()
        {
            let section = &component[range];
            let data = match payload {
                Payload::ModuleSection { .. } => without_custom_sections(section),
                _ => section.to_vec(),
            };
            copy.section(&RawSection { id, data: &data });
        }
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) if depth > 0 => depth -= 1,
            _ => {}
        }
    }
    copy.finish()
}

fn without_custom_sections(module: &[u8]) -> Vec<u8> {
    let mut copy = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.expect("a module");
        if let (Some((id, range)), false) = (payload.as_section(), matches!(payload, Payload::CustomSection(_))) {
            copy.section(&RawSection {
                id,
                data: &module[range],
            });
        }
    }
    copy.finish()
}

#[tokio::test]
async fn seven_allocations_of_a_thousand_bytes_are_counted_in_every_record() {
    let file = guest("misbehave");
    // As long as the other one, which the guest does not know.
    let with = bench_of(&file, "allocate").await;
    let without = bench_of(&file, "nonsense").await;
    let Allocations::Counted(functions) = &with.allocations else {
        panic!("{:?}", with.allocations);
    };
    assert!(functions.iter().any(|function| function == "malloc"), "{functions:?}");
    for (with, without) in with.rows.iter().zip(&without.rows) {
        let more = |of: fn(&bench::Row) -> Option<f64>| {
            let (with, without) = (of(with).expect("counted"), of(without).expect("counted"));
            assert!(without > 0.0, "its input is allocated, too");
            with - without
        };
        let times = more(|row| row.allocations_a_record);
        let bytes = more(|row| row.allocated_bytes_a_record);
        assert!((times - 7.0).abs() < 1e-6, "{times} in a batch of {}", with.batch);
        assert!((bytes - 7_000.0).abs() < 1e-6, "{bytes} in a batch of {}", with.batch);
    }
    assert!(with.text().contains("allocations: calls of "), "{}", with.text());
}

#[tokio::test]
async fn a_component_without_names_is_measured_and_says_what_it_lacks() {
    let scratch = tempfile::tempdir().expect("a folder");
    let file = scratch.path().join("stripped.wasm");
    let component = fs::read(guest("misbehave")).expect("make test-guests");
    fs::write(&file, stripped(&component)).expect("written");
    let bench = bench_of(&file, "allocate").await;
    assert!(bench.rows.iter().all(|row| row.allocations_a_record.is_none()));
    assert!(
        bench.text().contains(
            "allocations: not counted: no function of the component has the name of an allocator; build it with names"
        ),
        "{}",
        bench.text()
    );
}
