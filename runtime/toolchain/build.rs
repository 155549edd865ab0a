//! Puts the SDKs, the WIT, the templates and the senders' pipelines into the program, so that a new connector needs no clone of
//! this repository.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Folders that tools make while somebody works on an SDK.
const NOT_OURS: &[&str] = &[
    "target",
    "node_modules",
    "__pycache__",
    ".venv",
    ".pytest_cache",
    ".mypy_cache",
    "conformance",
];

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the crate"));
    let root = here.join("../..").canonicalize().expect("the repository");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names the output"));
    let mut code = String::new();
    for (name, folder) in [
        ("WIT", root.join("wit")),
        ("WASI", root.join("guest-sdk/wasi")),
        ("RUST_SDK", root.join("guest-sdk/src")),
        ("PYTHON_SDK", root.join("guest-sdk/python/src/danube_connector")),
        ("JAVASCRIPT_SDK", root.join("guest-sdk/javascript/src")),
        ("JAVASCRIPT_TOOLS", root.join("guest-sdk/javascript/tools")),
        ("JAVASCRIPT_WIT", root.join("guest-sdk/javascript/wit")),
        ("GO_SDK", root.join("guest-sdk/go")),
        ("SENDERS", root.join("examples/webhooks")),
        ("TEMPLATES", here.join("templates")),
    ] {
        println!("cargo:rerun-if-changed={}", folder.display());
        code += &embed(name, &folder);
    }
    let manifest = rust_manifest(&root);
    fs::write(out.join("rust-sdk.toml"), manifest).expect("the SDK's manifest");
    fs::write(out.join("embedded.rs"), code).expect("the table of files");
}

/// A static table of the files below `folder`, by their paths in it.
fn embed(name: &str, folder: &Path) -> String {
    let mut files = Vec::new();
    walk(folder, &mut files);
    files.sort();
    let rows = files.iter().map(|file| {
        let path = file.strip_prefix(folder).expect("a file below the folder");
        format!(
            "    File {{ path: {:?}, content: include_bytes!({:?}) }},\n",
            path.display().to_string(),
            file.display().to_string()
        )
    });
    format!(
        "pub(crate) static {name}: &[File] = &[\n{}];\n",
        rows.collect::<String>()
    )
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match path.is_dir() {
            true if NOT_OURS.contains(&name.as_str()) => {}
            true => walk(&path, files),
            false => files.push(path),
        }
    }
}

/// The Rust SDK's manifest with what it inherits from the workspace written out.
fn rust_manifest(root: &Path) -> String {
    let read = |path: PathBuf| -> toml::Table {
        println!("cargo:rerun-if-changed={}", path.display());
        fs::read_to_string(path)
            .expect("a manifest")
            .parse()
            .expect("a manifest is TOML")
    };
    let workspace = read(root.join("Cargo.toml"));
    let workspace = workspace["workspace"].as_table().expect("the workspace");
    let mut sdk = read(root.join("guest-sdk/Cargo.toml"));
    let inherited = workspace["package"].as_table().expect("what packages inherit");
    let package = sdk["package"].as_table_mut().expect("a package");
    for (key, value) in package.iter_mut() {
        if value.get("workspace").is_some() {
            *value = inherited[key].clone();
        }
    }
    package.remove("readme");
    package.remove("exclude");
    let versions = workspace["dependencies"]
        .as_table()
        .expect("the workspace's dependencies");
    for (key, value) in sdk["dependencies"].as_table_mut().expect("dependencies") {
        let optional = value.get("optional").cloned();
        *value = versions[key].clone();
        if let (Some(optional), Some(table)) = (optional, value.as_table_mut()) {
            table.insert("optional".to_owned(), optional);
        }
    }
    sdk.remove("dev-dependencies");
    sdk.remove("lints");
    toml::to_string(&sdk).expect("a manifest")
}
