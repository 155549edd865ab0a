//! Differences that a reload finds.

use crate::{Workspace, sink, source};

const SCHEMA: &str = "[[schemas]]\ntopic = \"/stripe/payments\"\nsubject = \"x\"\nschema_type = \"json_schema\"\nschema_file = \"s.json\"\n";

#[test]
fn only_changed_connectors_are_restarted() {
    let workspace = Workspace::new();
    let text = source("") + &sink("");
    let old = workspace.accept(&text).pipeline;
    assert!(old.difference(&workspace.accept(&text).pipeline).is_empty());

    let newer = workspace
        .accept(&text.replace("table = \"t\"", "table = \"u\""))
        .pipeline;
    let difference = old.difference(&newer);
    assert_eq!(
        (&difference.changed[..], difference.added.len()),
        (&[newer.sinks[0].id.clone()][..], 0)
    );

    let newer = workspace.accept(&text.replace("\"webhook\"", "\"hook\"")).pipeline;
    let difference = old.difference(&newer);
    assert_eq!(difference.added, [newer.sources[0].id.clone()]);
    assert_eq!(difference.removed, [old.sources[0].id.clone()]);
    assert!(difference.changed.is_empty() && difference.settings.is_empty());

    let newer = workspace
        .accept(&("data_dir = \"elsewhere\"\n".to_owned() + &text))
        .pipeline;
    assert_eq!(old.difference(&newer).settings, ["data_dir", "danube_service_url"]);
}

#[test]
fn a_changed_schema_file_changes_its_source() {
    let workspace = Workspace::new().with_file("s.json", "{}");
    let text = SCHEMA.to_owned() + &source("") + &sink("");
    let old = workspace.accept(&text).pipeline;
    let workspace = workspace.with_file("s.json", "{ \"type\": \"object\" }");
    let newer = workspace.accept(&text).pipeline;
    assert_eq!(old.difference(&newer).changed, [old.sources[0].id.clone()]);
}

#[test]
fn a_changed_secret_changes_its_connector() {
    let text = source("auth = { type = \"api_key\", secrets = [\"${KEY}\"] }");
    let workspace = Workspace::new().with_env("KEY", "a");
    let old = workspace.accept(&text).pipeline;
    let newer = workspace.with_env("KEY", "b").accept(&text).pipeline;
    assert_eq!(old.difference(&newer).changed.len(), 1);
}
