//! The suite on the poller of the Rust SDK, and on other components: `SUBJECTS=a.wasm:b.wasm cargo test -p danube-wasm-cases --test
//! pollers`.

use std::{env, path::PathBuf, time::Duration};

use danube_wasm_cases::{
    Component,
    conformance::{self, Conformance},
};
use danube_wasm_sandbox::{Compiler, Sandbox, SandboxOptions};

#[tokio::test]
async fn pollers_pass_the_suite() {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/order_feed.wasm");
    let more = env::var_os("SUBJECTS").unwrap_or_default();
    let scratch = tempfile::tempdir().expect("a folder");
    let options = SandboxOptions::new(scratch.path().join("cache"), Compiler::InProcess);
    let sandbox = Sandbox::try_new(options).expect("a sandbox");
    let mut all = Vec::new();
    let more = env::split_paths(&more).filter(|file| !file.as_os_str().is_empty());
    for file in [own].into_iter().chain(more) {
        let component = Component::read(&file).unwrap_or_else(|mistakes| panic!("make test-guests: {mistakes}"));
        all.push(Conformance::run(&component, &sandbox, Duration::from_millis(100)).await);
    }
    println!("{}", conformance::text(&all));
    let failures: usize = all.iter().map(Conformance::failures).sum();
    assert_eq!(failures, 0, "{}", conformance::text(&all));
}
