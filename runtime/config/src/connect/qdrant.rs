//! A Qdrant sink: its server and its mappings.

use danube_wasm_settings::kinds::Flag;

use super::{
    input::Input,
    output::{Output, toml},
    tables::{QDRANT, QDRANT_ROUTES},
    translation::Translation,
};

impl<'s> Translation<'s> {
    pub(super) fn qdrant(&mut self, top: &Input<'s>, processing: &Input<'s>, out: &mut Output<'s>) {
        let input = self.table(top, "qdrant", &QDRANT);
        if !input.is_table() {
            return self.names.mark_reported(out.path_of("qdrant"));
        }
        let mut qdrant = self.start_table(out.path_of("qdrant"), &input.span);
        self.convert_keys(&input, &mut qdrant);
        if input.has("api_key") && qdrant.entries.contains_key("api_key") {
            let text = "the file holds the key: set QDRANT_API_KEY, and remove the default here";
            self.notes.push((input.value_span("api_key"), text.to_owned()));
        }
        if !input.has_items("routes") {
            let message = "[qdrant] needs at least one of `routes`";
            self.session.error(&input.span, message, "add `[[qdrant.routes]]`");
        }
        let routes = self.list(&input, "routes", &QDRANT_ROUTES);
        if routes.is_empty() {
            self.names.mark_reported(qdrant.path_of("topic_mappings"));
        }
        self.put_each(&mut qdrant, "topic_mappings", routes, |this, route, made| {
            let creates = this
                .read(route, "auto_create_collection", &Flag, "true")
                .unwrap_or(true);
            let create = if creates { "\"if-missing\"" } else { "\"never\"" };
            this.fill(
                made,
                "create",
                &route.value_span("auto_create_collection"),
                toml(create),
            );
            for (key, value) in [
                ("ids", "\"danube-connect\""),
                ("payload_pointer", "\"/payload\""),
                ("flat_payload", "true"),
            ] {
                this.fill(made, key, &route.span, toml(value));
            }
            this.fill_batches(processing, made);
        });
        out.put_table("qdrant", None, &input.span, qdrant);
    }
}
