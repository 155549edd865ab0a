//! The files of `examples/` and the reference page.

use std::{collections::BTreeMap, path::Path};

use danube_wasm_config::{Auth, Component, HmacForm, load, load_text, reference_markdown};

use crate::repository;

#[test]
fn the_payments_example_is_valid_and_says_nothing_of_note() {
    let file = repository().join("examples/stripe-payments/pipeline.toml");
    let loaded = load(&file, &BTreeMap::new()).unwrap_or_else(|found| panic!("{found}"));
    assert!(loaded.warnings.is_empty(), "{:#?}", loaded.warnings);
    let pipeline = loaded.pipeline;
    assert_eq!(pipeline.sources[0].id.to_string(), "stripe-payments/webhook");
    let endpoint = &pipeline.sources[0].webhook.endpoints[0];
    assert_eq!((endpoint.topic.as_str(), endpoint.partitions), ("/stripe/payments", 4));
    assert!(matches!(&endpoint.auth, Auth::ApiKey { secrets, .. } if secrets[0].expose() == "demo-api-key"));
    assert_eq!(
        pipeline.sinks[0].surrealdb.topic_mappings[0].table.as_deref(),
        Some("stripe_payments")
    );
    let schema = pipeline.schema_of(&endpoint.topic).expect("it has one");
    assert!(
        schema
            .definition
            .as_ref()
            .is_some_and(|d| d.text.contains("payment.succeeded"))
    );
}

#[test]
fn the_events_example_is_valid() {
    let file = repository().join("examples/stripe-events/pipeline.toml");
    // The component is a build product: any file that exists stands for it here.
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("../../target/guests/stripe_source.wasm", "pipeline.toml");
    let env = BTreeMap::from([("STRIPE_WEBHOOK_SECRET".to_owned(), "whsec_test".to_owned())]);
    let loaded = load_text(&file, text, &env).unwrap_or_else(|found| panic!("{found}"));
    assert!(loaded.warnings.is_empty(), "{:#?}", loaded.warnings);
    let source = &loaded.pipeline.sources[0];
    assert!(matches!(source.component, Component::File(_)));
    let auth = &source.webhook.endpoints[0].auth;
    assert!(
        matches!(
            auth,
            Auth::Hmac {
                form: HmacForm::Stripe { .. },
                ..
            }
        ),
        "{auth:?}"
    );
}

/// Fails when the page is not what the declarations say; `UPDATE=1` writes it.
#[test]
fn the_reference_page_is_up_to_date() {
    let page: &Path = &repository().join("docs/configuration.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(page, reference_markdown()).unwrap();
    }
    let written = std::fs::read_to_string(page).unwrap_or_default();
    assert!(
        written == reference_markdown(),
        "docs/configuration.md is out of date: run `UPDATE=1 cargo test -p danube-wasm-config`"
    );
}
