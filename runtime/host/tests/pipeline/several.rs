//! Several files as one pipeline.

use danube_wasm_config::FileFormat;

use crate::{Workspace, assert_one, sink, source};

const COMMON: &str = "name = \"payments\"\ndanube_service_url = \"http://b\"\n[admin]\nport = 0\n";

#[test]
fn files_are_merged() {
    let workspace = Workspace::new();
    let loaded = workspace
        .load_files(&[
            ("common.toml", COMMON),
            ("in/source.toml", &source("")),
            ("out/sink.toml", &sink("")),
        ])
        .unwrap_or_else(|found| panic!("{found}"));
    assert!(loaded.warnings.is_empty(), "{:#?}", loaded.warnings);
    assert_eq!(loaded.formats, [FileFormat::Pipeline; 3]);
    let pipeline = loaded.pipeline;
    let ids: Vec<_> = pipeline.connectors().map(ToString::to_string).collect();
    assert_eq!(ids, ["payments/webhook", "payments/db"]);
    assert_eq!(pipeline.service_url.to_string(), "http://b:6650");
    assert_eq!(pipeline.admin.listen.port, 0);
    assert_eq!(pipeline.data_dir, workspace.path("data"));
}

#[test]
fn missing_settings_get_the_first_files_default() {
    let workspace = Workspace::new();
    let files = [
        ("a/source.toml", source("")),
        ("b/sink.toml", "data_dir = \"kept\"\n".to_owned() + &sink("")),
    ];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let pipeline = workspace
        .load_files(&files)
        .unwrap_or_else(|found| panic!("{found}"))
        .pipeline;
    assert_eq!(pipeline.name, "a");
    // A relative path starts at its file, and the log is in the data directory of the merged pipeline.
    assert_eq!(pipeline.data_dir, workspace.path("b/kept"));
    assert_eq!(
        pipeline.service_url.to_string(),
        format!("embedded://{}", workspace.path("b/kept/log").display())
    );
    assert_eq!(pipeline.sinks[0].id.to_string(), "a/db");
}

#[test]
fn the_environment_sets_the_data_directory_if_no_file_does() {
    let variable = "DANUBE_WASM_DATA_DIR";
    let workspace = Workspace::new().with_env(variable, "/data");
    let said = workspace.accept(&(source("") + &sink(""))).pipeline;
    assert_eq!(said.data_dir.to_str(), Some("/data"));
    assert_eq!(said.service_url.to_string(), "embedded:///data/log");
    let said = workspace
        .accept(&("data_dir = \"mine\"\n".to_owned() + &source("")))
        .pipeline;
    assert_eq!(said.data_dir, workspace.path("mine"), "the file holds");
    let empty = Workspace::new().with_env(variable, "");
    assert_eq!(empty.accept(&source("")).pipeline.data_dir, empty.path("data"));
}

#[test]
fn contradicting_settings_are_refused_with_both_places() {
    let workspace = Workspace::new();
    let other =
        "danube_service_url = \"http://c\"\nname = \"payments\"\nadmin = { port = 1 }\n".to_owned() + &source("");
    let found = workspace.refuse_files(&[("common.toml", COMMON), ("source.toml", &other)]);
    let expected = [
        "source.toml:1:22 danube_service_url: `danube_service_url` is given on line 2 of",
        "source.toml:3:9 admin: `admin` is given on line 3 of",
    ];
    assert_eq!(found.len(), 2, "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}");
        assert!(found.contains("common.toml too, and says something else"), "{found}");
    }
}

#[test]
fn conflicts_between_files_are_found() {
    let workspace = Workspace::new();
    let same_path = source("").replace("port = 0", "port = 8080");
    let other = same_path.replace("\"webhook\"", "\"other\"");
    assert_one(
        &workspace.refuse_files(&[("a.toml", &same_path), ("b.toml", &other)]),
        &[
            "b.toml:7:8",
            "is the path of another endpoint of this listener, on line 7 of",
            "a.toml",
        ],
    );
    assert_one(
        &workspace.refuse_files(&[("a.toml", &source("")), ("b.toml", &source(""))]),
        &[
            "b.toml:2:8",
            "`webhook` is the name of another connector, on line 2 of",
            "a.toml",
        ],
    );
    // Without a port, each source has its own listener.
    let other = source("").replace("\"webhook\"", "\"other\"");
    workspace
        .load_files(&[("a.toml", &source("")), ("b.toml", &other)])
        .unwrap_or_else(|found| panic!("{found}"));
    let typo = sink("").replace("/stripe/payments", "/stripe/payment");
    let loaded = workspace.load_files(&[("a.toml", &source("")), ("b.toml", &typo)]);
    let warnings = loaded.unwrap_or_else(|found| panic!("{found}")).warnings;
    assert!(
        warnings[0].message.contains("no endpoint of these files publishes to"),
        "{warnings:?}"
    );
}

#[test]
fn two_files_may_give_the_same_schema() {
    let workspace = Workspace::new();
    let schema = "[[schemas]]\ntopic = \"/stripe/payments\"\nsubject = \"x\"\nschema_type = \"bytes\"\n";
    let (a, b) = (schema.to_owned() + &source(""), schema.to_owned() + &sink(""));
    let loaded = workspace.load_files(&[("a.toml", &a), ("b.toml", &b)]);
    assert_eq!(
        loaded.unwrap_or_else(|found| panic!("{found}")).pipeline.schemas.len(),
        1
    );
    let b = b.replace("bytes", "number");
    assert_one(
        &workspace.refuse_files(&[("a.toml", &a), ("b.toml", &b)]),
        &["b.toml:2:9", "has a schema already, on line 2 of", "a.toml"],
    );
}

#[test]
fn mistakes_of_all_files_are_reported_at_once() {
    let workspace = Workspace::new();
    let found = workspace.refuse_files(&[
        ("a.toml", &source("partition = 1")),
        ("b.toml", "name = \n"),
        ("c.toml", &sink("batch_size = 0")),
    ]);
    assert_eq!(found.len(), 3, "{found:#?}");
    for (found, file) in found.iter().zip(["a.toml:9:1", "b.toml:1:", "c.toml:12:14"]) {
        assert!(found.starts_with(file), "{found}");
    }
    let none = workspace.loader().load_all::<&str>(&[]).expect_err("no file");
    assert!(none.to_string().contains("no file is named"), "{none}");
    let missing = workspace
        .loader()
        .load_all(&[workspace.path("x.toml"), workspace.path("y.toml")])
        .expect_err("no files");
    assert_eq!(missing.len(), 2);
}

#[test]
fn files_without_connectors_are_refused() {
    let workspace = Workspace::new();
    let found = workspace.refuse_files(&[("a.toml", COMMON), ("b.toml", "")]);
    assert_one(&found, &["a.toml:1:1", "the files configure no source and no sink"]);
}

#[test]
fn the_environment_overrides_the_port_of_metrics() {
    let file = source("");
    let port = |workspace: Workspace| workspace.accept(&file).pipeline.admin.listen.port;
    assert_eq!(port(Workspace::new()), 9090);
    assert_eq!(port(Workspace::new().with_env("DANUBE_WASM_ADMIN_PORT", "0")), 0);
    let refused = Workspace::new()
        .with_env("DANUBE_WASM_ADMIN_PORT", "http")
        .refuse(&file);
    assert_one(&refused, &["DANUBE_WASM_ADMIN_PORT", "is `http`"]);
}
