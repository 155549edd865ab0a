//! An MQTT source: its broker and its routes.

use danube_wasm_settings::kinds::{Flag, Integer, OneOfNames};
use toml::de::DeValue;

use super::{
    input::Input,
    keys::Effect,
    output::{Output, reference, toml},
    tables::{BROKER_PORT, INCLUDE_METADATA, MQTT, MQTT_ROUTES},
    translation::Translation,
};

const QOS: OneOfNames<'static> = OneOfNames(&[("AtMostOnce", &[]), ("AtLeastOnce", &[]), ("ExactlyOnce", &[])]);

impl<'s> Translation<'s> {
    pub(super) fn mqtt(&mut self, top: &Input<'s>, processing: &Input<'s>, out: &mut Output<'s>) {
        for name in ["batch_size", "batch_timeout_ms"] {
            let help = "remove it; messages that arrive together travel together, and none waits";
            self.warn_about_effect(processing, name, Effect::Removed, help);
        }
        let input = self.table(top, "mqtt", &MQTT);
        if !input.is_table() {
            return self.names.mark_reported(out.path_of("mqtt"));
        }
        let mut mqtt = self.start_table(out.path_of("mqtt"), &input.span);
        self.convert_keys(&input, &mut mqtt);
        self.mqtt_url(&input, &mut mqtt);
        self.mqtt_credentials(&input, &mut mqtt);
        self.packet_bytes(&input, &mut mqtt);
        let help = "see that it is long enough, or remove it";
        self.warn_about_effect(&input, "connection_timeout_secs", Effect::New, help);
        self.mqtt_routes(&input, &mut mqtt);
        self.metadata(&input, out);
        self.mqtt_buffer(&input, out);
        out.put_table("mqtt", None, &input.span, mqtt);
    }

    fn mqtt_url(&mut self, input: &Input<'s>, out: &mut Output<'s>) {
        let place = input.value_span("broker_host");
        let host = MQTT.key("broker_host").map(|key| self.effective_value(input, key));
        let port = self.effective_value(input, &BROKER_PORT);
        let scheme = if self.uses_tls(input) { "mqtts" } else { "mqtt" };
        let (Some(Ok(Some(DeValue::String(host)))), Ok(Some(port))) = (host, port) else {
            return self.names.mark_reported(out.path_of("url"));
        };
        let port = match &port {
            DeValue::Integer(number) => number.as_str().to_owned(),
            port => port.as_str().unwrap_or_default().to_owned(),
        };
        self.fill(out, "url", &place, reference(format!("{scheme}://{host}:{port}")));
    }

    fn uses_tls(&mut self, input: &Input<'s>) -> bool {
        let given = self.read(input, "use_tls", &Flag, "true").unwrap_or_default();
        let uses = self.env_value("MQTT_USE_TLS").map_or(given, |value| value == "true");
        if uses {
            let help = "see that the port is one with TLS (8883), or remove it";
            self.warn_about_effect(input, "use_tls", Effect::New, help);
        }
        uses
    }

    /// A user, if both name and password are there: Danube Connect does not sign in with one alone.
    fn mqtt_credentials(&mut self, input: &Input<'s>, out: &mut Output<'s>) {
        if input.has("password") && out.entries.contains_key("password") {
            let text = "the file holds the password: set MQTT_PASSWORD, and remove the default here";
            self.notes.push((input.value_span("password"), text.to_owned()));
        }
        if out.entries.contains_key("username") != out.entries.contains_key("password") {
            let help = "give both, as MQTT_USERNAME and MQTT_PASSWORD";
            for key in ["username", "password"] {
                self.warn_about_effect(input, key, Effect::Never, help);
                out.entries.remove(key);
            }
        }
    }

    /// What is larger than any topic takes is taken for the largest.
    fn packet_bytes(&mut self, input: &Input<'s>, out: &mut Output<'s>) {
        const LARGEST: u32 = 8 << 20;
        let place = input.value_span("max_packet_size");
        let given = self.read(input, "max_packet_size", &Integer(256..=u32::MAX), "1048576");
        if given.is_some_and(|bytes| bytes > LARGEST) {
            let message = format!("`max_packet_size` is {LARGEST} here, which is the largest that there is");
            self.note(&place, message, "remove it");
        }
        let is_wrong = input.has("max_packet_size") && given.is_none();
        if is_wrong {
            return self.names.mark_reported(out.path_of("max_packet_bytes"));
        }
        match given.filter(|bytes| *bytes < LARGEST) {
            Some(_) => {
                let value = input.get("max_packet_size").map(|given| given.value.clone());
                self.fill(out, "max_packet_bytes", &place, value.unwrap_or(toml("8388608")));
            }
            None => self.fill(out, "max_packet_bytes", &place, toml("8388608")),
        }
    }

    /// Routes in either spelling, but not in both.
    fn mqtt_routes(&mut self, input: &Input<'s>, out: &mut Output<'s>) {
        match ["topic_mappings", "routes"].map(|key| input.has_items(key)) {
            [true, true] => self.session.error(
                &input.value_span("routes"),
                "`routes` is the newer spelling of `topic_mappings`, which is given too",
                "keep one of them",
            ),
            [false, false] => {
                let message = "[mqtt] needs at least one of `routes`";
                self.session.error(&input.span, message, "add `[[mqtt.routes]]`");
            }
            _ => {}
        }
        let mut routes = self.list(input, "topic_mappings", &MQTT_ROUTES);
        routes.extend(self.list(input, "routes", &MQTT_ROUTES));
        if routes.is_empty() {
            self.names.mark_reported(out.path_of("routes"));
        }
        self.put_each(out, "routes", routes, |this, route, made| {
            let qos = match this.read(route, "qos", &QOS, "\"AtLeastOnce\"") {
                Some("AtMostOnce") => "0",
                Some("ExactlyOnce") => "2",
                _ => "1",
            };
            this.fill(made, "qos", &route.value_span("qos"), toml(qos));
        });
    }

    fn metadata(&mut self, input: &Input<'s>, out: &mut Output<'s>) {
        let name = INCLUDE_METADATA.names[0];
        let Some(given) = input.get(name) else { return };
        if self.read(input, name, &Flag, "true").is_some() {
            let mut config = self.start_table(out.path_of("config"), &given.span);
            self.fill(&mut config, "include_metadata", &given.span, given.value.clone());
            out.put_table("config", None, &given.span, config);
        }
    }

    /// A Danube cluster confirms before it has written: what is acknowledged to the MQTT broker has to be on a disk.
    fn mqtt_buffer(&mut self, input: &Input<'s>, out: &mut Output<'s>) {
        if self
            .env_value("DANUBE_SERVICE_URL")
            .is_some_and(|url| url.starts_with("embedded:"))
        {
            return;
        }
        let mut buffer = self.start_table(out.path_of("buffer"), &input.span);
        self.fill(&mut buffer, "type", &input.span, toml("\"disk\""));
        self.fill(&mut buffer, "max_bytes", &input.span, toml("1073741824"));
        out.put_table("buffer", None, &input.span, buffer);
        let text = "records wait in the data directory until the cluster has them: see that it is on a disk that stays";
        self.notes.push((input.span.clone(), text.to_owned()));
    }
}
