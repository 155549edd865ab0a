//! What concerns the pipeline as a whole, its schemas, and the connectors of a file.

use danube_wasm_settings::DATA_DIR_VARIABLE;

use super::{
    document::Role,
    input::Input,
    keys::OldKey,
    output::{Output, reference, text, toml},
    tables::{AUTH, CONNECTOR_NAME, PROCESSING, SCHEMAS},
    translation::Translation,
};
use crate::part::name_from;

/// What Danube Connect published of a schema's type, which is another than now.
const TYPES_TOLD: [(&str, &str); 2] = [
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
    /// What no file of Danube Connect says, but for the port of metrics.
    pub(super) fn pipeline(&mut self, processing: &Input<'s>, out: &mut Output<'s>) {
        let root = self.session.root();
        let name = name_from(self.session.in_first_dir().dir());
        out.fill(&mut self.names, "name", &root, text(&name));
        let data_dir = reference(format!("${{{DATA_DIR_VARIABLE}:-data}}"));
        out.fill(&mut self.names, "data_dir", &root, data_dir);
        let given = processing.get("metrics_port");
        let place = given.as_ref().map_or(root, |given| given.span.clone());
        self.take_over(processing, out);
        let mut admin = Output::new("admin");
        admin.fill(&mut self.names, "host", &place, toml("\"0.0.0.0\""));
        if let Some(port) = PROCESSING.key("metrics_port") {
            self.take(processing, port, &mut admin);
        }
        for path in [admin.path.clone(), admin.path_of("port")] {
            self.names.rename(path, place.key.clone());
        }
        out.put_table("admin", given.map(|given| given.key.bytes), &place, admin);
    }

    /// Schemas, which both kinds of file have.
    pub(super) fn schemas(&mut self, top: &Input<'s>, out: &mut Output<'s>) {
        let mut schemas = Vec::new();
        for (index, input) in self.list(top, "schemas", &SCHEMAS).into_iter().enumerate() {
            let mut schema = Output::new(format!("schemas[{index}]"));
            self.names.rename(schema.path.clone(), input.span.key.clone());
            self.take_over(&input, &mut schema);
            let given = input.get("schema_type");
            let told = TYPES_TOLD
                .iter()
                .find(|(name, _)| given.as_ref().is_some_and(|given| given.value.as_str() == Some(name)));
            if let Some((_, told)) = told {
                let help = "write `json_schema` with a `schema_file` where bodies are documents";
                self.note(&input.place("schema_type"), *told, help);
            }
            schemas.push((input.span, schema));
        }
        out.put_tables("schemas", schemas);
    }

    /// The connector. Where there are two, both are looked through.
    pub(super) fn connectors(&mut self, top: &Input<'s>, processing: &Input<'s>, role: Role, out: &mut Output<'s>) {
        let root = self.session.root();
        let auth = self.table(top, "auth", &AUTH);
        // Also where nothing asks for it, it must be right.
        self.auth(&auth, "auth");
        if role.is_source {
            let mut source = Output::new("sources[0]");
            self.name_connector(top, "\"builtin:webhook-source\"", &mut source);
            self.source(top, processing, &auth, &mut source);
            out.put_tables("sources", vec![(root.clone(), source)]);
        }
        if role.is_sink {
            let mut sink = Output::new("sinks[0]");
            self.name_connector(top, "\"builtin:surrealdb-sink\"", &mut sink);
            if role.is_source {
                // One name is that of one connector.
                sink.entries.remove("name");
                self.names.mark_told(sink.path_of("name"));
            }
            self.sink(top, processing, &mut sink);
            out.put_tables("sinks", vec![(root, sink)]);
        }
    }

    /// Name and component of a connector.
    fn name_connector(&mut self, top: &Input<'s>, component: &'static str, out: &mut Output<'s>) {
        self.names.rename(out.path.clone(), String::new());
        out.fill(&mut self.names, "component", &top.span, toml(component));
        match (self.session.has_siblings(), self.set("CONNECTOR_NAME")) {
            (false, _) => self.take(top, &CONNECTOR_NAME, out),
            // Of several connectors in one file, one variable can name none.
            (true, None) => self.take(
                top,
                &OldKey {
                    variable: None,
                    ..CONNECTOR_NAME
                },
                out,
            ),
            (true, Some(name)) => {
                out.fill(&mut self.names, "name", &top.place("connector_name"), text(&name));
                let sample = "CONNECTOR_NAME=webhook-source";
                self.names.set_sample(out.path_of("name"), sample.to_owned());
            }
        }
    }
}
