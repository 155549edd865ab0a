//! A Delta Lake sink: its store, its tables and its mappings.

use danube_wasm_settings::kinds::{OneOfNames, Text};

use super::{
    input::Input,
    output::{Output, reference, text, toml},
    tables::{DELTALAKE, DELTALAKE_ROUTES, FIELD_MAPPINGS},
    translation::Translation,
};

const BACKENDS: OneOfNames<'static> = OneOfNames(&[("s3", &[]), ("azure", &[]), ("gcs", &[])]);
const WRITE_MODES: OneOfNames<'static> = OneOfNames(&[("append", &[]), ("overwrite", &[])]);

/// Variables that Danube Connect took credentials from, and the options that they become.
const CREDENTIALS: [(&str, &str, &str); 6] = [
    ("s3", "AWS_ACCESS_KEY_ID", "aws_access_key_id"),
    ("s3", "AWS_SECRET_ACCESS_KEY", "aws_secret_access_key"),
    ("s3", "AWS_SESSION_TOKEN", "aws_session_token"),
    ("azure", "AZURE_STORAGE_ACCOUNT_KEY", "azure_storage_account_key"),
    ("azure", "AZURE_STORAGE_SAS_TOKEN", "azure_storage_sas_token"),
    (
        "gcs",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "google_application_credentials",
    ),
];

impl<'s> Translation<'s> {
    pub(super) fn deltalake(&mut self, top: &Input<'s>, processing: &Input<'s>, out: &mut Output<'s>) {
        let input = self.table(top, "deltalake", &DELTALAKE);
        if !input.is_table() {
            return self.names.mark_reported(out.path_of("delta"));
        }
        let mut delta = self.start_table(out.path_of("delta"), &input.span);
        self.convert_keys(&input, &mut delta);
        self.store(&input, &mut delta);
        self.delta_routes(&input, processing, &mut delta);
        self.delta_buffer(&input, out);
        out.put_table("delta", None, &input.span, delta);
    }

    /// The options of the store.
    fn store(&mut self, input: &Input<'s>, out: &mut Output<'s>) {
        let backend = self.read(input, "storage_backend", &BACKENDS, "\"s3\"");
        if !input.has("storage_backend") {
            let help = "write `storage_backend = \"s3\"`, `\"azure\"` or `\"gcs\"`";
            self.session
                .error(&input.span, "[deltalake] needs `storage_backend`", help);
        }
        let mut storage = self.start_table(out.path_of("storage"), &input.span);
        for key in input
            .table
            .keys
            .iter()
            .filter(|key| key.becomes.starts_with("storage."))
        {
            self.convert_key(input, key, &mut storage);
        }
        for (of, variable, option) in CREDENTIALS {
            if Some(of) == backend && self.env_value(variable).is_some() {
                self.fill(&mut storage, option, &input.span, reference(format!("${{{variable}}}")));
            }
        }
        if !storage.entries.is_empty() {
            out.put_table("storage", None, &input.span, storage);
        }
    }

    /// The mappings, and a table for each.
    fn delta_routes(&mut self, input: &Input<'s>, processing: &Input<'s>, out: &mut Output<'s>) {
        if !input.has_items("routes") {
            let message = "[deltalake] needs at least one of `routes`";
            self.session.error(&input.span, message, "add `[[deltalake.routes]]`");
            self.names.mark_reported(out.path_of("topic_mappings"));
            self.names.mark_reported(out.path_of("tables"));
        }
        let routes = self.list(input, "routes", &DELTALAKE_ROUTES);
        let mut tables = Vec::new();
        for (index, route) in routes.iter().enumerate() {
            let mut table = self.start_table(format!("{}[{index}]", out.path_of("tables")), &route.span);
            self.delta_table(route, index, &mut table);
            tables.push((route.span.clone(), table));
        }
        out.put_tables("tables", tables);
        let mut index = 0;
        self.put_each(out, "topic_mappings", routes, |this, route, made| {
            this.fill(made, "table", &route.span, text(&table_name(index)));
            index += 1;
            for (name, to) in [("batch_size", "batch_size"), ("batch_timeout_ms", "flush_interval_ms")] {
                let key = processing
                    .table
                    .key(name)
                    .filter(|key| processing.has(name) && key.leaf() == to);
                if let Some(key) = key {
                    this.convert_key(processing, key, made);
                }
            }
        });
    }

    fn delta_table(&mut self, route: &Input<'s>, index: usize, out: &mut Output<'s>) {
        self.fill(out, "name", &route.span, text(&table_name(index)));
        let url = self.read(route, "to", &Text, "\"s3://lake/payments\"");
        match url {
            Some(url) => self.fill(out, "url", &route.value_span("to"), text(&url)),
            None if route.has("to") => self.names.mark_reported(out.path_of("url")),
            None => {
                self.names.mark_reported(out.path_of("url"));
                let help = "write for example `to = \"s3://lake/payments\"`";
                self.session
                    .error(&route.span, format!("{} needs `to`", route.header()), help);
            }
        }
        self.fill(out, "create", &route.span, toml("true"));
        if self.read(route, "write_mode", &WRITE_MODES, "\"append\"") == Some("overwrite") {
            self.session.error(
                &route.value_span("write_mode"),
                "`write_mode = \"overwrite\"` would replace the table with each batch; Danube Connect accepted it, and appended",
                "write `write_mode = \"append\"`, or remove it",
            );
        }
        let mappings = self.list(route, "field_mappings", &FIELD_MAPPINGS);
        self.put_each(out, "field_mappings", mappings, |this, mapping, made| {
            let path = this.read(mapping, "json_path", &Text, "\"customer.id\"");
            if let Some(path) = path {
                return this.fill(made, "pointer", &mapping.value_span("json_path"), text(&pointer(&path)));
            }
            this.names.mark_reported(made.path_of("pointer"));
            if !mapping.has("json_path") {
                let message = format!("{} needs `json_path`", mapping.header());
                let help = "write for example `json_path = \"customer.id\"`";
                this.session.error(&mapping.span, message, help);
            }
        });
    }

    /// A Danube cluster hands out few messages at a time: only those that wait on this disk make files of a good size.
    fn delta_buffer(&mut self, input: &Input<'s>, out: &mut Output<'s>) {
        let url = self.env_value("DANUBE_SERVICE_URL");
        if url.is_some_and(|url| url.starts_with("embedded:")) {
            return;
        }
        let mut buffer = self.start_table(out.path_of("buffer"), &input.span);
        self.fill(&mut buffer, "type", &input.span, toml("\"disk\""));
        self.fill(&mut buffer, "max_bytes", &input.span, toml("1073741824"));
        out.put_table("buffer", None, &input.span, buffer);
        let note =
            "messages wait in the data directory until they are in their tables: see that it is on a disk that stays";
        self.notes.push((input.span.clone(), note.to_owned()));
    }
}

fn table_name(index: usize) -> String {
    format!("route-{}", index + 1)
}

/// Danube Connect's paths are names with dots between them.
fn pointer(path: &str) -> String {
    let steps = path.strip_prefix("$.").unwrap_or(path).split('.');
    steps
        .map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_pointer() {
        assert_eq!(pointer("amount"), "/amount");
        assert_eq!(pointer("$.customer.id"), "/customer/id");
        assert_eq!(pointer("a/b.c~d"), "/a~1b/c~0d");
    }
}
