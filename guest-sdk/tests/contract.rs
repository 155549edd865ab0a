//! The contract: what was built against 0.1.0 keeps running, and the crate carries it.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use wit_component::{DecodedWasm, semver_check, targets};
use wit_parser::{PackageId, Resolve, SourceMap, WorldId, WorldItem, WorldKey};

const WORLDS: [&str; 2] = ["source-connector", "sink-connector"];
const FROZEN: &str = "tests/frozen/0.1.0";

/// The files of a WIT package by name.
fn wit(dir: &str) -> BTreeMap<String, String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
    let files = fs::read_dir(&dir).expect("the directory is there");
    let files = files.map(|file| file.expect("readable").path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "wit"))
        .map(|path| {
            let name = path.file_name().expect("a file").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("text"))
        })
        .collect()
}

fn push(resolve: &mut Resolve, files: &BTreeMap<String, String>) -> PackageId {
    let mut map = SourceMap::default();
    for (name, text) in files {
        map.push_str(name, text);
    }
    let group = map.parse().unwrap_or_else(|(_, error)| panic!("{error}"));
    resolve.push_group(group).expect("the package resolves")
}

fn world(resolve: &Resolve, package: PackageId, name: &str) -> WorldId {
    resolve
        .select_world(&[package], Some(name))
        .expect("the world is there")
}

/// Whether components of the frozen world run in a host of this one.
fn runs_what_is_frozen(today: &BTreeMap<String, String>, name: &str) -> Result<(), String> {
    let mut resolve = Resolve::default();
    // One resolve holds a package once in a version; the check itself looks past versions.
    let renamed = |(name, text): (String, String)| (name, text.replace("connector@0.1.0", "connector@0.0.1"));
    let frozen = wit(FROZEN).into_iter().map(renamed).collect();
    let frozen = push(&mut resolve, &frozen);
    let today = push(&mut resolve, today);
    let (old, new) = (world(&resolve, frozen, name), world(&resolve, today, name));
    semver_check(resolve, old, new).map_err(|error| format!("{error:#}"))
}

/// Today's contract with one text in one of its files replaced.
fn changed(file: &str, from: &str, to: &str) -> BTreeMap<String, String> {
    let mut files = wit("wit");
    let text = files.get_mut(file).expect("the file is there");
    assert_eq!(text.matches(from).count(), 1, "{file} has `{from}` once");
    *text = text.replace(from, to);
    files
}

#[test]
fn wit_worlds_stay_compatible() {
    for name in WORLDS {
        runs_what_is_frozen(&wit("wit"), name).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn an_incompatible_change_would_be_caught() {
    for (world, file, from, to) in [
        (
            "sink-connector",
            "sink.wit",
            "publish-times: list<u64>",
            "publish-times: list<u32>",
        ),
        ("sink-connector", "sink.wit", "orders: list<u64>,", ""),
        ("sink-connector", "sink.wit", "process-batch: func", "process: func"),
        ("sink-connector", "types.wit", "key-shared,", "key-shared, other,"),
        ("sink-connector", "host.wit", "enabled: func(level: level) -> bool;", ""),
        (
            "source-connector",
            "source.wit",
            "status: u16,",
            "status: u16, reason: string,",
        ),
        ("source-connector", "source.wit", "import metrics;", ""),
        (
            "source-connector",
            "source.wit",
            "poll: func",
            "commit: func(); poll: func",
        ),
        (
            "source-connector",
            "types.wit",
            "retry-after-ms: option<u32>",
            "retry-after-ms: u32",
        ),
        (
            "source-connector",
            "types.wit",
            "blobs(blobs),",
            "blobs(blobs), floats(list<f64>),",
        ),
    ] {
        let verdict = runs_what_is_frozen(&changed(file, from, to), world);
        assert!(verdict.is_err(), "`{from}` became `{to}` in {file} unnoticed");
    }
}

#[test]
fn a_host_may_offer_more() {
    let more = changed(
        "host.wit",
        "gauge-set:",
        "gauge-add: func(name: string, value: f64);\n gauge-set:",
    );
    for name in WORLDS {
        runs_what_is_frozen(&more, name).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// That a component fits today's world: it exports what the host calls, in the host's types, and imports nothing
/// beside the world's own and WASI 0.2. Returns its imports.
fn fits(component: &[u8], name: &str) -> Result<Vec<String>, String> {
    let mut resolve = Resolve::default();
    let package = push(&mut resolve, &wit("wit"));
    let host = world(&resolve, package, name);
    let DecodedWasm::Component(its_own, its_world) = wit_component::decode(component).expect("a component") else {
        panic!("a package of interfaces, not a component")
    };
    let remap = resolve.merge(its_own).expect("its types are the contract's");
    let its_world = remap.map_world(its_world, Default::default()).expect("it was merged");
    // What `std` imports for itself is the host's to link or refuse, interface by interface; it is not the world's.
    let imports = resolve.worlds[its_world].imports.clone();
    let mut names = Vec::new();
    for (key, item) in imports {
        let import = resolve.name_world_key(&key);
        if import.starts_with("wasi:") {
            assert!(import.contains("@0.2."), "{import}");
            resolve.worlds[host].imports.insert(key, item);
        } else {
            assert!(
                matches!((&key, &item), (WorldKey::Interface(_), WorldItem::Interface { .. })),
                "{import}"
            );
        }
        names.push(import);
    }
    let verdict = targets(&resolve, host, component, false);
    verdict.map(|()| names).map_err(|error| format!("{error:#}"))
}

fn frozen(file: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FROZEN).join(file);
    fs::read(path).expect("the component is there")
}

#[test]
fn a_component_built_against_0_1_0_still_fits() {
    for (file, world) in [("source.wasm", "source-connector"), ("sink.wasm", "sink-connector")] {
        let mut imports = fits(&frozen(file), world).unwrap_or_else(|error| panic!("{file}: {error}"));
        imports.retain(|name| name.starts_with("danube:"));
        imports.sort();
        assert_eq!(
            imports,
            ["danube:connector/log@0.1.0", "danube:connector/types@0.1.0"],
            "{file}"
        );
    }
}

#[test]
fn a_component_of_the_other_world_does_not_fit() {
    for (file, world) in [("source.wasm", "sink-connector"), ("sink.wasm", "source-connector")] {
        assert!(fits(&frozen(file), world).is_err(), "{file} fits {world}");
    }
}

#[test]
fn the_package_carries_the_contract() {
    assert_eq!(wit("wit"), wit("../wit"), "guest-sdk/wit is the repository's wit");
    let listing = Command::new(env!("CARGO"))
        .args(["package", "--list", "--allow-dirty", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&listing.stderr);
    assert!(listing.status.success(), "{errors}");
    let files = String::from_utf8(listing.stdout).expect("text");
    for name in wit("../wit").keys() {
        assert!(
            files.lines().any(|line| line == format!("wit/{name}")),
            "wit/{name} is missing"
        );
    }
    for name in ["README.md", "LICENSE", "src/lib.rs"] {
        assert!(files.lines().any(|line| line == name), "{name} is missing");
    }
}
