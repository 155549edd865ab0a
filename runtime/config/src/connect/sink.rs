//! A SurrealDB sink: its database and its mappings.

use super::{
    input::Input,
    keys::Effect,
    output::Output,
    tables::{NOT_IN_ROUTES, SURREALDB, SURREALDB_ROUTES, TOPIC_MAPPINGS},
    translation::Translation,
};

impl<'s> Translation<'s> {
    pub(super) fn sink(&mut self, top: &Input<'s>, processing: &Input<'s>, out: &mut Output<'s>) {
        let input = self.table(top, "surrealdb", &SURREALDB);
        if !input.is_table() {
            return self.names.mark_reported(out.path_of("surrealdb"));
        }
        let mut surrealdb = self.start_table(out.path_of("surrealdb"), &input.span);
        self.convert_keys(&input, &mut surrealdb);
        self.credentials(&input, &mut surrealdb);
        for key in ["connection_timeout_secs", "request_timeout_secs"] {
            self.warn_about_effect(&input, key, Effect::New, "see that it is long enough, or remove it");
        }
        self.mappings(&input, processing, &mut surrealdb);
        out.put_table("surrealdb", None, &input.span, surrealdb);
    }

    /// Translates a user, if both name and password are given: Danube Connect does not sign in with only one.
    fn credentials(&mut self, input: &Input<'s>, out: &mut Output<'s>) {
        if input.has("password") && out.entries.contains_key("password") {
            let text = "the file holds the password: set SURREALDB_PASSWORD, and remove the default here";
            self.notes.push((input.value_span("password"), text.to_owned()));
        }
        if out.entries.contains_key("username") != out.entries.contains_key("password") {
            let help = "give both, as SURREALDB_USERNAME and SURREALDB_PASSWORD";
            for key in ["username", "password"] {
                self.warn_about_effect(input, key, Effect::Never, help);
                out.entries.remove(key);
            }
        }
    }

    /// Translates the mappings, which may be in the format of either version, but not of both.
    fn mappings(&mut self, input: &Input<'s>, processing: &Input<'s>, out: &mut Output<'s>) {
        let [is_old, is_new] = ["topic_mappings", "routes"].map(|key| input.has_items(key));
        match (is_old, is_new) {
            (true, true) => self.session.error(
                &input.value_span("routes"),
                "`routes` is the newer spelling of `topic_mappings`, which is given too",
                "keep one of them",
            ),
            (false, false) => {
                let message = "[surrealdb] needs at least one of `routes`";
                self.session.error(&input.span, message, "add `[[surrealdb.routes]]`");
            }
            (true, false) => {
                let help = "write `batch_size` and `flush_interval_ms` in [surrealdb]";
                self.warn_about_effect(processing, "batch_size", Effect::Never, help);
                self.warn_about_effect(processing, "batch_timeout_ms", Effect::Never, help);
            }
            (false, true) => {
                self.warn_about_effect(input, "batch_size", Effect::Never, NOT_IN_ROUTES);
                self.warn_about_effect(input, "flush_interval_ms", Effect::Never, NOT_IN_ROUTES);
            }
        }
        let mut mappings = self.list(input, "topic_mappings", &TOPIC_MAPPINGS);
        mappings.extend(self.list(input, "routes", &SURREALDB_ROUTES));
        if mappings.is_empty() {
            self.names.mark_reported(out.path_of("topic_mappings"));
        }
        self.put_each(out, "topic_mappings", mappings, |this, mapping, made| {
            let is_route = mapping.path() == SURREALDB_ROUTES.paths[0];
            this.fill_batches(if is_route { processing } else { input }, made);
        });
    }

    /// Sets a mapping's batch keys from the table that gives them for all mappings, where the mapping has none.
    pub(super) fn fill_batches(&mut self, batches: &Input<'s>, out: &mut Output<'s>) {
        for key in batches.table.keys {
            if key.becomes.contains("topic_mappings.") && !out.entries.contains_key(key.leaf()) {
                self.convert_key(batches, key, out);
            }
        }
    }
}
