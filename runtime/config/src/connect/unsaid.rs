//! What no file of Danube Connect says.

use super::{draft::Rows, processing::Processing};
use crate::{
    part::{Part, Setting},
    tables::{
        danube::DanubeTable,
        host::{Admin, AdminTable},
    },
};
use danube_wasm_settings::{Listen, Section, SourceLine, Span, Table, kinds::quote, values::Host};

/// Port of metrics and health where the file says none.
const METRICS_PORT: u16 = 9090;

/// A pipeline of which nothing is said but perhaps the port of its metrics.
pub(super) fn empty_part(t: &Table<'_>, name: &str, processing: &Processing) -> Part {
    let session = t.session();
    let data_dir = session.of_first_file().default_data_dir();
    let (admin, given) = match &processing.metrics_port {
        Some((span, port)) => (admin(span.clone(), port.value), Some(span.clone())),
        None => (admin(session.root(), METRICS_PORT), None),
    };
    Part {
        name: Setting::unsaid(Some(name.to_owned())),
        data_dir: Setting::unsaid(Some(data_dir)),
        service_url: Setting::unsaid(None),
        danube: usual::<DanubeTable>(t, "danube"),
        admin: Setting {
            value: Some(admin),
            given,
        },
        telemetry: usual(t, "telemetry"),
        shutdown: usual(t, "shutdown"),
        retention: usual(t, "retention"),
        schemas: Vec::new(),
        sources: Vec::new(),
        sinks: Vec::new(),
        has_connectors: false,
    }
}

/// A table that the file does not have, as a pipeline file without it would.
fn usual<T: Section>(t: &Table<'_>, key: &str) -> Setting<T> {
    let session = t.session();
    if session.manual().is_some() {
        return Setting::unsaid(None);
    }
    Setting::unsaid(Table::read(session, None, session.root(), key.to_owned(), false))
}

fn admin(span: Span, port: u16) -> AdminTable {
    AdminTable {
        admin: Admin {
            listen: Listen {
                host: Host::everywhere(),
                port,
                line: SourceLine::default(),
            },
        },
        host: span.clone(),
        port: span,
    }
}

/// `[admin]` in a pipeline file, and whether the file says anything of it.
pub(super) fn admin_rows(processing: &Processing) -> (Rows, bool) {
    let mut rows = Rows::default();
    rows.push("host", quote(Host::everywhere().as_str()));
    if let Some((_, port)) = &processing.metrics_port {
        rows.unless(&METRICS_PORT.to_string(), "port", port.toml.as_str());
    }
    (rows, processing.metrics_port.is_some())
}
