//! Who is let in, and what the others are told.

mod support;

use danube_wasm_sandbox::{
    Access, AdmissionError, Capability, CompileLimits, Grants, GuestClass, GuestLimits, LoadError, Role, inspect,
};
use support::{Bench, Guest, LOG, encode, spec};

const SOCKETS: &str = "package wasi:sockets@0.2.6; interface tcp { f: func(); }";
const HTTP: &str = "package wasi:http@0.2.6; interface outgoing-handler { f: func(); }";
const OTHER: &str = "package acme:billing@1.0.0; interface ledger { f: func(); }";
const FUTURE: &str = "package wasi:io@0.3.0; interface streams { f: func(); }";
const RANDOM: &str = "package wasi:random@0.2.6; interface random { get-random-u64: func() -> u64; }";

fn importing(package: &'static str, world: &'static str, imports: &'static str) -> Guest {
    Guest {
        wit: Box::leak(Box::new([package])),
        world,
        imports,
        ..Default::default()
    }
}

fn bytes_max() -> usize {
    CompileLimits::default().component_bytes_max
}

#[tokio::test]
async fn imports_that_are_not_granted_are_refused_by_name() {
    let bench = Bench::new();
    for (guest, import, advice) in [
        (
            importing(
                SOCKETS,
                "import wasi:sockets/tcp@0.2.6;",
                r#"(import "wasi:sockets/tcp@0.2.6" "f" (func))"#,
            ),
            "wasi:sockets/tcp@0.2.6",
            "no network of their own",
        ),
        (
            importing(
                HTTP,
                "import wasi:http/outgoing-handler@0.2.6;",
                r#"(import "wasi:http/outgoing-handler@0.2.6" "f" (func))"#,
            ),
            "wasi:http/outgoing-handler@0.2.6",
            "no network of their own",
        ),
        (
            importing(
                OTHER,
                "import acme:billing/ledger@1.0.0;",
                r#"(import "acme:billing/ledger@1.0.0" "f" (func))"#,
            ),
            "acme:billing/ledger@1.0.0",
            "does not offer it",
        ),
        (
            importing(
                FUTURE,
                "import wasi:io/streams@0.3.0;",
                r#"(import "wasi:io/streams@0.3.0" "f" (func))"#,
            ),
            "wasi:io/streams@0.3.0",
            "offers version 0.2",
        ),
    ] {
        let said = bench
            .source(spec(guest.source()))
            .await
            .map(|_| ())
            .expect_err("refused")
            .to_string();
        let start = format!("`guest.wasm` imports `{import}`, which is not granted to connector `p/c`: ");
        assert!(said.starts_with(&start), "{said}");
        assert!(said.contains(advice), "{said}");
    }
}

#[tokio::test]
async fn each_capability_is_refused_unless_granted() {
    let bench = Bench::new();
    let logs = Guest {
        imports: LOG,
        ..Default::default()
    };
    let random = importing(
        RANDOM,
        "import wasi:random/random@0.2.6;",
        r#"(import "wasi:random/random@0.2.6" "get-random-u64" (func (result i64)))"#,
    );
    for (guest, capability, name) in [(logs, Capability::Log, "log"), (random, Capability::Random, "random")] {
        let mut denied = spec(guest.source());
        denied.grants = Grants::only([]);
        let said = bench.source(denied).await.map(|_| ()).expect_err("refused").to_string();
        assert!(said.contains(&format!("grant it `{name}`")), "{said}");
        let mut granted = spec(guest.source());
        granted.grants = Grants::only([capability]);
        bench.source(granted).await.expect("granted");
    }
}

#[tokio::test]
async fn a_component_of_the_other_role_is_refused() {
    let bench = Bench::new();
    let said = bench
        .sink(spec(Guest::default().source()))
        .await
        .map(|_| ())
        .expect_err("refused");
    assert!(matches!(said, LoadError::Admission(AdmissionError::WrongRole { .. })));
    let said = said.to_string();
    assert!(
        said.starts_with("`guest.wasm` is a source component, but connector `p/c` is configured as a sink"),
        "{said}"
    );
}

#[test]
fn what_is_no_connector_is_told_what_it_is() {
    for (text, said) in [
        ("(component)", "it exports no interface"),
        (
            r#"(component (instance $i) (export "acme:a/b@1.0.0" (instance $i)))"#,
            "it exports `acme:a/b@1.0.0`",
        ),
        (
            r#"(component (instance $i) (export "danube:connector/source@0.2.0" (instance $i)))"#,
            "this host speaks `danube:connector` 0.1",
        ),
        (
            r#"(component (instance $i)
                (export "danube:connector/source@0.1.0" (instance $i))
                (export "danube:connector/sink@0.1.0" (instance $i)))"#,
            "both `source` and `sink`",
        ),
        // What a nested component exports is not what it exports.
        (
            r#"(component (component (instance $i) (export "danube:connector/source@0.1.0" (instance $i))))"#,
            "it exports no interface",
        ),
    ] {
        let bytes = wat::parse_str(text).expect("a component");
        let error = inspect("x.wasm", &bytes, bytes_max()).expect_err("no connector");
        assert!(matches!(error, AdmissionError::NotAConnector { .. }), "{error:?}");
        let error = error.to_string();
        assert!(error.starts_with("`x.wasm` is not a connector: "), "{error}");
        assert!(error.contains(said), "{error}");
    }
}

#[tokio::test]
async fn exports_of_the_wrong_type_do_not_fit() {
    let bench = Bench::new();
    let empty = wat::parse_str(r#"(component (instance $i) (export "danube:connector/source@0.1.0" (instance $i)))"#);
    let error = bench.source(spec(empty.expect("a component").into())).await.map(|_| ());
    assert!(matches!(error, Err(LoadError::Contract { .. })), "{error:?}");

    let other_types = "package danube:connector@0.1.7; interface source { poll: func(a: u32) -> u32; }";
    let module =
        r#"(module (func (export "danube:connector/source@0.1.7#poll") (param i32) (result i32) (i32.const 0)))"#;
    let component = encode(
        wat::parse_str(module).expect("a module"),
        &[other_types],
        "package t:t; world w { export danube:connector/source@0.1.7; }",
    );
    let error = bench.source(spec(component.into())).await.map(|_| ());
    assert!(matches!(error, Err(LoadError::Contract { .. })), "{error:?}");
}

#[test]
fn inspecting_tells_all_without_running_it() {
    let guest = Guest {
        imports: LOG,
        initialize: "(unreachable)".into(),
        ..Default::default()
    };
    let bytes = guest.sink();
    let info = inspect("x.wasm", &bytes, bytes_max()).expect("a sink");
    assert_eq!(info.role, Role::Sink);
    assert_eq!(info.contract_version, "0.1.0");
    assert_eq!(info.size_bytes, bytes.len());
    assert_eq!(info.digest.len(), 64);
    let access = |name: &str| {
        info.imports
            .iter()
            .find(|import| import.name == name)
            .map(|import| import.access)
    };
    assert_eq!(
        access("danube:connector/log@0.1.0"),
        Some(Access::Needs(Capability::Log))
    );
    assert_eq!(access("danube:connector/types@0.1.0"), Some(Access::Always));
}

#[tokio::test]
async fn a_component_has_the_limits_of_its_class_unless_its_connector_says_otherwise() {
    let small = Guest::default().source();
    let info = inspect("x.wasm", &small, bytes_max()).expect("a source");
    assert_eq!((info.class, info.limits), (GuestClass::Small, GuestLimits::default()));
    assert_eq!(info.make.memory_bytes_min, 1 << 20);

    // It begins with 65 MiB of memory, as an interpreter's snapshot may.
    let guest = Guest {
        memory: "1040 2048",
        ..Default::default()
    };
    let large = guest.source();
    let info = inspect("x.wasm", &large, bytes_max()).expect("a source");
    assert_eq!(info.class, GuestClass::Interpreter);
    assert_eq!(info.limits, GuestLimits::of(GuestClass::Interpreter));
    assert_eq!(info.limits.memory_bytes_max, 128 << 20);
    let json = serde_json::to_value(&info).expect("JSON");
    assert_eq!(json["class"], "interpreter");
    assert_eq!(json["limits"]["initialize_ms"], 5_000);

    let bench = Bench::new();
    assert_eq!(spec(large.clone()).limits, info.limits);
    bench
        .source(spec(large.clone()))
        .await
        .expect("more than a small one may have");
    let mut limited = spec(large);
    limited.limits.memory_bytes_max = 64 << 20;
    let said = bench
        .source(limited)
        .await
        .map(|_| ())
        .expect_err("refused")
        .to_string();
    assert!(said.contains("memory_bytes"), "{said}");
}

#[test]
fn a_component_cut_anywhere_or_changed_anywhere_does_no_harm() {
    let bytes = Guest::default().source();
    for cut in 0..bytes.len() {
        // An outline may be complete before the end of the file; compiling finds the rest missing.
        let _ = inspect("x.wasm", &bytes[..cut], bytes_max());
    }
    for at in 0..bytes.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut changed = bytes.to_vec();
            changed[at] ^= change;
            let _ = inspect("x.wasm", &changed, bytes_max());
        }
    }
}

#[tokio::test]
async fn limits_that_this_process_cannot_keep_are_refused() {
    let bench = Bench::new();
    let mut greedy = spec(Guest::default().source());
    greedy.limits.memory_bytes_max = (512 << 20) + 1;
    let said = bench.source(greedy).await.map(|_| ()).expect_err("refused").to_string();
    assert!(said.contains("`limits.memory_bytes` is 536870913"), "{said}");
    let mut crowd = spec(Guest::default().source());
    crowd.lanes = 9;
    let said = bench.source(crowd).await.map(|_| ()).expect_err("refused").to_string();
    assert!(said.contains("9 lanes"), "{said}");
}
