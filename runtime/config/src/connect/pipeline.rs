//! The pipeline as a whole, its schemas, and the connectors of a file.

use danube_wasm_settings::DATA_DIR_VARIABLE;

use super::{
    document::{Role, SinkKind},
    input::Input,
    keys::OldKey,
    output::{Output, reference, text, toml},
    tables::{AUTH, CONNECTOR_NAME, PROCESSING, SCHEMAS},
    translation::Translation,
};
use crate::part::name_from;

/// Types of schemas for which Danube Connect published something else than we do.
const CHANGED_TYPES: [(&str, &str); 2] = [
    (
        "avro",
        "Danube Connect published JSON text here; records are now encoded as Avro",
    ),
    (
        "string",
        "Danube Connect published any JSON here, as text; a body is now a JSON string, and others are answered 422",
    ),
];

impl<'s> Translation<'s> {
    /// Sets what no file of Danube Connect gives, except the port of metrics.
    pub(super) fn pipeline(&mut self, processing: &Input<'s>, out: &mut Output<'s>) {
        let root = self.session.root();
        let name = name_from(self.session.in_first_dir().dir());
        self.fill(out, "name", &root, text(&name));
        let data_dir = format!("${{{DATA_DIR_VARIABLE}:-data}}");
        self.fill(out, "data_dir", &root, reference(data_dir));
        self.convert_keys(processing, out);
        let given = processing.get("metrics_port");
        let place = given.as_ref().map_or(root, |given| given.span.clone());
        let mut admin = self.start_table("admin".to_owned(), &place);
        self.fill(&mut admin, "host", &place, toml("\"0.0.0.0\""));
        if let Some(port) = PROCESSING.key("metrics_port") {
            self.convert_key(processing, port, &mut admin);
        }
        self.names.rename(admin.path_of("port"), place.key.clone());
        out.put_table("admin", given.map(|given| given.key.bytes), &place, admin);
    }

    /// Translates schemas, which files of sources and of sinks have.
    pub(super) fn schemas(&mut self, top: &Input<'s>, out: &mut Output<'s>) {
        let schemas = self.list(top, "schemas", &SCHEMAS);
        self.put_each(out, "schemas", schemas, |this, schema, _| {
            let given = schema.get("schema_type");
            let name = given.as_ref().and_then(|given| given.value.as_str());
            if let Some((_, change)) = CHANGED_TYPES.iter().find(|(changed, _)| Some(*changed) == name) {
                let help = "write `json_schema` with a `schema_file` where bodies are documents";
                this.note(&schema.value_span("schema_type"), *change, help);
            }
        });
    }

    /// Translates the connector. If the file has both kinds, both are checked.
    pub(super) fn connectors(&mut self, top: &Input<'s>, processing: &Input<'s>, role: Role, out: &mut Output<'s>) {
        let root = self.session.root();
        let auth = self.table(top, "auth", &AUTH);
        // It must be valid even if no key uses it.
        self.auth(&auth, "auth".to_owned());
        if role.is_webhook {
            let mut source = self.connector(top, "sources[0]", "\"builtin:webhook-source\"");
            self.source(top, processing, &auth, &mut source);
            out.put_tables("sources", vec![(root.clone(), source)]);
        }
        if role.is_mqtt && !role.is_webhook {
            let mut source = self.connector(top, "sources[0]", "\"builtin:record-source\"");
            self.mqtt(top, processing, &mut source);
            out.put_tables("sources", vec![(root.clone(), source)]);
        }
        if let Some(kind) = role.sink {
            let component = match kind {
                SinkKind::SurrealDb => "\"builtin:surrealdb-sink\"",
                SinkKind::Qdrant | SinkKind::DeltaLake => "\"builtin:document-sink\"",
            };
            let mut sink = self.connector(top, "sinks[0]", component);
            if role.is_webhook || role.is_mqtt {
                // A file with two connectors has only one name.
                sink.entries.remove("name");
                self.names.mark_reported(sink.path_of("name"));
            }
            match kind {
                SinkKind::SurrealDb => self.sink(top, processing, &mut sink),
                SinkKind::Qdrant => self.qdrant(top, processing, &mut sink),
                SinkKind::DeltaLake => self.deltalake(top, processing, &mut sink),
            }
            out.put_tables("sinks", vec![(root, sink)]);
        }
    }

    /// Starts a connector with its name and component.
    fn connector(&mut self, top: &Input<'s>, path: &str, component: &'static str) -> Output<'s> {
        let mut out = self.start_table(path.to_owned(), &top.span);
        self.fill(&mut out, "component", &top.span, toml(component));
        match (self.session.has_siblings(), self.env_value("CONNECTOR_NAME")) {
            (false, _) => self.convert_key(top, &CONNECTOR_NAME, &mut out),
            // One variable cannot name several connectors of a file.
            (true, None) => self.convert_key(top, &CONNECTOR_NAME_ALONE, &mut out),
            (true, Some(name)) => {
                self.fill(&mut out, "name", &top.value_span("connector_name"), text(&name));
                let sample = "CONNECTOR_NAME=webhook-source";
                self.names.set_sample(out.path_of("name"), sample.to_owned());
            }
        }
        out
    }
}

const CONNECTOR_NAME_ALONE: OldKey = OldKey {
    variable: None,
    ..CONNECTOR_NAME
};
