//! What a reload sees.

use crate::{Desk, sink, source};

const SCHEMA: &str = "[[schemas]]\ntopic = \"/stripe/payments\"\nsubject = \"x\"\nschema_type = \"json_schema\"\nschema_file = \"s.json\"\n";

#[test]
fn only_what_changed_is_touched() {
    let desk = Desk::new();
    let text = source("") + &sink("");
    let old = desk.accept(&text).pipeline;
    assert!(old.difference(&desk.accept(&text).pipeline).is_empty());

    let newer = desk.accept(&text.replace("table = \"t\"", "table = \"u\"")).pipeline;
    let difference = old.difference(&newer);
    assert_eq!(
        (&difference.changed[..], difference.added.len()),
        (&[newer.sinks[0].id.clone()][..], 0)
    );

    let newer = desk.accept(&text.replace("\"webhook\"", "\"hook\"")).pipeline;
    let difference = old.difference(&newer);
    assert_eq!(difference.added, [newer.sources[0].id.clone()]);
    assert_eq!(difference.removed, [old.sources[0].id.clone()]);
    assert!(difference.changed.is_empty() && difference.settings.is_empty());

    let newer = desk.accept(&("data_dir = \"elsewhere\"\n".to_owned() + &text)).pipeline;
    assert_eq!(old.difference(&newer).settings, ["data_dir", "danube_service_url"]);
}

#[test]
fn a_changed_schema_file_changes_its_source() {
    let desk = Desk::new().with_file("s.json", "{}");
    let text = SCHEMA.to_owned() + &source("") + &sink("");
    let old = desk.accept(&text).pipeline;
    let desk = desk.with_file("s.json", "{ \"type\": \"object\" }");
    let newer = desk.accept(&text).pipeline;
    assert_eq!(old.difference(&newer).changed, [old.sources[0].id.clone()]);
}

#[test]
fn a_changed_secret_changes_its_connector() {
    let text = source("auth = { type = \"api_key\", secrets = [\"${KEY}\"] }");
    let desk = Desk::new().with_env("KEY", "a");
    let old = desk.accept(&text).pipeline;
    let newer = desk.with_env("KEY", "b").accept(&text).pipeline;
    assert_eq!(old.difference(&newer).changed.len(), 1);
}
