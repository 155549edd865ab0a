//! The source as a host reads it.

use std::{collections::BTreeMap, path::Path};

use danube_wasm_config::Loader;
use danube_wasm_connector::{Builtin, Registry};
use danube_wasm_ingress_http::WebhookSource;

pub(crate) type Environment = BTreeMap<String, String>;

/// The warnings of a text, or what is wrong with it.
pub(crate) fn load(path: &Path, text: String, env: &Environment) -> Result<Vec<String>, String> {
    let registry = Registry::default().with_source::<WebhookSource>(Builtin {
        name: "webhook-source",
        component: b"",
    });
    let loaded = Loader::new(&registry, env).load_text(path, text);
    let loaded = loaded.map_err(|wrong| wrong.to_string())?;
    Ok(loaded.warnings.iter().map(ToString::to_string).collect())
}
