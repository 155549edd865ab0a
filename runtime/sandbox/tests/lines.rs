//! A trap names functions, and where the component has debug information files and lines.

mod support;

use std::{path::Path, sync::Arc};

use danube_wasm_model::door::{GuestError, SourceGuest};
use danube_wasm_sandbox::{Compiler, LoadSpec, Sandbox};
use support::{Bench, Recorder, child, events, options, spec};

fn misbehave(file: &str) -> LoadSpec {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../target/guests")
        .join(file);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{} cannot be read ({error}): `make test-guests` builds it",
            path.display()
        )
    });
    LoadSpec {
        settings: r#"{"endpoints":[{"path":"/hook","danube_topic":"/t/a"}]}"#.into(),
        ..spec(bytes.into())
    }
}

/// A compiler that is not there.
fn nobody() -> Compiler {
    Compiler::Child {
        program: "/nowhere/danube-wasm-compile".into(),
        args: Vec::new(),
    }
}

async fn trapped(sandbox: &Arc<Sandbox>, spec: LoadSpec) -> Vec<String> {
    let source = sandbox
        .load_source(spec, Arc::new(Recorder::default()))
        .await
        .expect("it loads");
    let answer = source.poll(0, events(&[r#"{"do":"trap"}"#])).await;
    let Err(GuestError::Trap { message, backtrace }) = answer else {
        panic!("no trap but {answer:?}")
    };
    assert!(message.contains("trapped as told"), "{message}");
    backtrace
}

#[tokio::test]
async fn a_trap_of_a_component_with_debug_information_names_files_and_lines() {
    let cache = tempfile::tempdir().expect("a directory");
    let sandbox = Sandbox::try_new(options(cache.path(), child())).expect("a sandbox");
    let frames = trapped(&sandbox, misbehave("misbehave_debug.wasm")).await;
    let line = 1 + include_str!("../../../guests/testing/misbehave/src/lib.rs")
        .lines()
        .position(|line| line.contains(r#""trap" => panic!"#))
        .expect("its line");
    let culprit = format!("misbehave/src/lib.rs:{line}:");
    let found = frames.iter().find(|frame| frame.contains(&culprit));
    let found = found.unwrap_or_else(|| panic!("no {culprit} in {frames:#?}"));
    assert_eq!(found, &frames[0], "what panics begin with is left out");
    assert!(found.starts_with("event ("), "{found}");
    let entry = frames.last().expect("frames");
    assert!(
        entry.contains("danube:connector/source@0.1.0#poll ("),
        "the engine's name: {entry}"
    );
    assert!(
        !frames.iter().any(|frame| frame.contains("_ZN") || frame.contains("_R")),
        "{frames:#?}"
    );

    // What the compiling child has left is enough: a process that starts later compiles nothing.
    drop(sandbox);
    let later = Sandbox::try_new(options(cache.path(), nobody())).expect("a sandbox");
    assert_eq!(trapped(&later, misbehave("misbehave_debug.wasm")).await, frames);
}

#[tokio::test]
async fn a_trap_of_a_component_without_debug_information_names_functions() {
    let bench = Bench::new();
    let frames = trapped(&bench.sandbox, misbehave("misbehave.wasm")).await;
    assert!(
        frames
            .iter()
            .any(|frame| frame.contains("event") || frame.contains("poll")),
        "{frames:#?}"
    );
    assert!(!frames.iter().any(|frame| frame.contains(".rs:")), "{frames:#?}");
}
