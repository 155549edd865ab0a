//! The files of `examples/` and the reference page.

use std::{collections::BTreeMap, path::Path};

use danube_wasm_config::{Component, reference_markdown, reference_tables};
use danube_wasm_host::connectors::registry;
use danube_wasm_ingress_http::config::AuthConfig;
use danube_wasm_settings::Presence;

use crate::{AsSurrealDb as _, AsWebhook as _, loader, repository};

#[test]
fn the_payments_example_is_valid_without_warnings() {
    let file = repository().join("examples/stripe-payments/pipeline.toml");
    let loaded = loader(&BTreeMap::new())
        .load(&file)
        .unwrap_or_else(|found| panic!("{found}"));
    assert!(loaded.warnings.is_empty(), "{:#?}", loaded.warnings);
    let pipeline = loaded.pipeline;
    assert_eq!(pipeline.sources[0].id.to_string(), "stripe-payments/webhook");
    let endpoint = &pipeline.sources[0].webhook().endpoints[0];
    assert_eq!((endpoint.topic.as_str(), endpoint.partitions), ("/stripe/payments", 4));
    assert!(matches!(&endpoint.auth, AuthConfig::ApiKey { secrets, .. } if secrets[0].expose() == "demo-api-key"));
    assert_eq!(
        pipeline.sinks[0].surrealdb().topic_mappings[0].table.as_deref(),
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
fn the_otlp_example_is_valid_with_and_without_its_rows() {
    let files = ["pipeline.toml", "rows.toml"].map(|name| repository().join("examples/otlp-telemetry").join(name));
    for files in [&files[..1], &files[..]] {
        let loaded = loader(&BTreeMap::new())
            .load_all(files)
            .unwrap_or_else(|found| panic!("{found}"));
        assert!(loaded.warnings.is_empty(), "{:#?}", loaded.warnings);
        assert_eq!(loaded.pipeline.sources[0].id.to_string(), "otlp-telemetry/telemetry");
    }
}

#[test]
fn the_mqtt_example_is_valid_with_and_without_its_rows() {
    let files = ["pipeline.toml", "rows.toml"].map(|name| repository().join("examples/mqtt-readings").join(name));
    for files in [&files[..1], &files[..]] {
        let loaded = loader(&BTreeMap::new())
            .load_all(files)
            .unwrap_or_else(|found| panic!("{found}"));
        assert!(loaded.warnings.is_empty(), "{:#?}", loaded.warnings);
        assert_eq!(loaded.pipeline.sources[0].id.to_string(), "mqtt-readings/plant");
    }
}

#[test]
fn the_polling_example_is_valid() {
    let file = repository().join("examples/poll-orders/pipeline.toml");
    let loaded = loader(&BTreeMap::new())
        .load(&file)
        .unwrap_or_else(|found| panic!("{found}"));
    assert!(loaded.warnings.is_empty(), "{:#?}", loaded.warnings);
    assert_eq!(loaded.pipeline.sources[0].id.to_string(), "poll-orders/orders");
}

#[cfg(feature = "kafka")]
#[test]
fn the_kafka_example_is_valid_with_and_without_its_rows() {
    let files = ["pipeline.toml", "rows.toml"].map(|name| repository().join("examples/kafka-orders").join(name));
    for files in [&files[..1], &files[..]] {
        let loaded = loader(&BTreeMap::new())
            .load_all(files)
            .unwrap_or_else(|found| panic!("{found}"));
        assert!(loaded.warnings.is_empty(), "{:#?}", loaded.warnings);
        assert_eq!(loaded.pipeline.sources[0].id.to_string(), "kafka-orders/orders");
    }
}

#[test]
fn the_events_example_is_valid() {
    let file = repository().join("examples/stripe-events/pipeline.toml");
    // The component is a build product: any existing file serves here.
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("../../target/guests/stripe_source.wasm", "pipeline.toml");
    let env = BTreeMap::from([("STRIPE_WEBHOOK_SECRET".to_owned(), "whsec_test".to_owned())]);
    let loaded = loader(&env)
        .load_text(&file, text)
        .unwrap_or_else(|found| panic!("{found}"));
    assert!(loaded.warnings.is_empty(), "{:#?}", loaded.warnings);
    let source = &loaded.pipeline.sources[0];
    assert!(matches!(source.component, Component::File(_)));
    let auth = &source.webhook().endpoints[0].auth;
    let preset = match auth {
        AuthConfig::Signature(signature) => signature.preset.map(|preset| preset.name),
        _ => None,
    };
    assert_eq!(preset, Some("stripe"), "{auth:?}");
}

/// Fails if the page differs from the declarations; `UPDATE=1` writes it.
#[test]
fn the_reference_page_is_up_to_date() {
    let page: &Path = &repository().join("docs/configuration.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(page, reference_markdown(registry())).unwrap();
    }
    let written = std::fs::read_to_string(page).unwrap_or_default();
    assert!(
        written == reference_markdown(registry()),
        "docs/configuration.md is out of date: run `UPDATE=1 cargo test -p danube-wasm-host`"
    );
}

#[test]
fn every_key_has_a_description_and_an_example() {
    for table in &reference_tables(registry()) {
        assert!(!table.about.is_empty(), "{}", table.header());
        for field in &table.fields {
            let name = format!("{} of {}", field.key, table.header());
            assert!(field.about.ends_with('.'), "{name} has no sentence");
            let default = matches!(&field.presence, Presence::Default(words) if !words.is_empty());
            assert!(default || !field.example.is_empty(), "{name} has no example");
        }
    }
}

#[test]
fn every_key_is_spelled_once_in_its_table() {
    for table in &reference_tables(registry()) {
        for (i, field) in table.fields.iter().enumerate() {
            for name in std::iter::once(&field.key).chain(field.aliases) {
                let other = table.fields[..i].iter().find(|other| other.has_name(name));
                let variants = other.is_some_and(|other| other.when.is_some() && other.when != field.when);
                assert!(other.is_none() || variants, "{name} of {}", table.header());
            }
        }
    }
}

/// The keys that Danube Connect's keys move to exist.
#[test]
fn every_key_of_danube_connect_becomes_one_of_a_pipeline_file() {
    let tables = reference_tables(registry());
    let page = reference_markdown(registry());
    let (_, old) = page.split_once("# Files of Danube Connect").expect("its part");
    let cells = old
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(" | ").nth(1));
    let paths: Vec<_> = cells
        .filter_map(|cell| cell.strip_prefix('`')?.strip_suffix('`'))
        .collect();
    assert!(paths.len() > 20, "{paths:?}");
    let is_key = |path: &str| {
        let (within, name) = path.rsplit_once('.').unwrap_or(("", path));
        let mut tables = tables.iter().filter(|table| table.path == within);
        tables.any(|table| table.fields.iter().any(|field| field.key == name))
    };
    for path in paths {
        // `storage.aws_region` is an entry of a table whose keys are a library's.
        let of_free_table = path.rsplit_once('.').is_some_and(|(table, _)| is_key(table));
        assert!(is_key(path) || of_free_table, "there is no {path}");
    }
}
