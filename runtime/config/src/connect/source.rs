//! A webhook source: its listener and its endpoints.

use danube_wasm_settings::Span;

use super::{
    input::Input,
    keys::Effect,
    millis::body_timeout,
    output::Output,
    tables::{ENDPOINTS, SERVER, WEBHOOK},
    translation::Translation,
};

impl<'s> Translation<'s> {
    pub(super) fn source(&mut self, top: &Input<'s>, processing: &Input<'s>, auth: &Input<'s>, out: &mut Output<'s>) {
        for name in ["batch_size", "batch_timeout_ms"] {
            let help = "remove it; events that arrive together travel together, and none waits";
            self.warn_about_effect(processing, name, Effect::Removed, help);
        }
        let server = self.table(top, "server", &SERVER);
        let other = self.table(top, "webhook", &WEBHOOK);
        self.refuse_listeners(top);
        let listener = if top.has("server") { &server } else { &other };
        let mut webhook = self.start_table(out.path_of("webhook"), &listener.span);
        if listener.is_table() {
            self.convert_keys(listener, &mut webhook);
            self.fill_body_timeout(listener, &mut webhook);
        }
        self.endpoints(top, &other, auth, &mut webhook);
        out.put_table("webhook", None, &listener.span, webhook);
    }

    /// Sets the body timeout: Danube Connect has one deadline for body and answer, and a part of it goes to the body.
    fn fill_body_timeout(&mut self, listener: &Input<'s>, out: &mut Output<'s>) {
        let deadline = out.entries.get("request_deadline_ms");
        if let Some(body) = deadline.and_then(|deadline| body_timeout(deadline.get_ref())) {
            let place = listener.value_span("timeout_seconds");
            self.fill(out, "body_timeout_ms", &place, body);
        }
    }

    /// Refuses a second listener, and a second spelling of the listener.
    fn refuse_listeners(&self, top: &Input<'s>) {
        match (top.has("server"), top.has("webhook")) {
            (true, true) => self.session.error(
                &top.value_span("webhook"),
                "`webhook` is another spelling of `server`, which is given too",
                "keep one of them",
            ),
            (false, false) => {
                let message = "the file needs a table `server`";
                self.session.error(&top.span, message, "add `[server]`");
            }
            _ => {}
        }
    }

    /// Translates the endpoints, which may be in any spelling, but not in two.
    fn endpoints(&mut self, top: &Input<'s>, webhook: &Input<'s>, auth: &Input<'s>, out: &mut Output<'s>) {
        let lists = [
            ("webhook.endpoints", webhook, "endpoints"),
            ("endpoints", top, "endpoints"),
            ("routes", top, "routes"),
        ];
        let mut given: Vec<(&str, Span)> = Vec::new();
        let mut endpoints = Vec::new();
        for (name, within, key) in lists {
            endpoints.extend(self.list(within, key, &ENDPOINTS));
            if within.has_items(key) {
                given.push((name, within.value_span(key)));
            }
        }
        match &given[..] {
            [] => {
                let message = "the file needs at least one of `routes`";
                self.session.error(&top.span, message, "add `[[routes]]`");
            }
            [(first, _), (second, place), ..] => {
                let message = format!("`{second}` is another spelling of `{first}`, which is given too");
                self.session.error(place, message, "keep one of them");
            }
            [_] => {}
        }
        if endpoints.is_empty() {
            self.names.mark_reported(out.path_of("endpoints"));
        }
        self.put_each(out, "endpoints", endpoints, |this, _, endpoint| {
            if let Some(checked) = this.auth(auth, endpoint.path_of("auth")) {
                endpoint.put_table("auth", None, &auth.span, checked);
            }
        });
    }
}
