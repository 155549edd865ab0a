//! A file with a kind that the program was built without.

use danube_wasm_config::Loader;
use danube_wasm_connector::{Builtin, LeftOut, Registry, Role};
use danube_wasm_ingress_http::WebhookSource;

use crate::{Workspace, sink, source};

fn webhooks_only() -> Registry {
    Registry::default()
        .with_source::<WebhookSource>(Builtin {
            name: "webhook-source",
            component: b"",
        })
        .without(LeftOut {
            role: Role::Sink,
            kind: "surrealdb",
            builtin: "surrealdb-sink",
        })
}

fn refuse(workspace: &Workspace, text: &str) -> Vec<String> {
    let registry = webhooks_only();
    let loader = Loader::new(&registry, &workspace.env);
    let found = loader.load_text(&workspace.path("pipeline.toml"), text.to_owned());
    found
        .expect_err("the file is wrong")
        .iter()
        .map(|d| workspace.shown(d))
        .collect()
}

#[test]
fn the_feature_to_build_with_is_named() {
    let found = refuse(&Workspace::new(), &(source("") + &sink("")));
    let help = "build it with `--features surrealdb`";
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found[0].ends_with(&format!(
            "sinks[0].component: this program was built without `builtin:surrealdb-sink` | {help}"
        )),
        "{found:#?}"
    );
    assert!(
        found[1].ends_with(&format!(
            "sinks[0].surrealdb: this program was built without `[sinks.surrealdb]` | {help}"
        )),
        "{found:#?}"
    );
}

#[test]
fn a_misspelled_kind_names_the_existing_ones() {
    let text = source("") + "[[sinks]]\nname = \"db\"\ncomponent = \"builtin:surreal\"\n";
    let found = refuse(&Workspace::new(), &text);
    let expected = "there is no built-in sink `builtin:surreal` | write the path of a `.wasm` file or ";
    assert!(found.iter().any(|line| line.contains(expected)), "{found:#?}");
}
