//! `config.toml` of a case: the settings that the component is given, and its limits.

use std::path::Path;

use danube_wasm_model::TopicName;
use danube_wasm_sandbox::{GuestLimits, Role, limits};
use serde_json::{Map, Value, json};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Mistakes, unknown};
use crate::input::NOW_MS;

/// Settings of a component, and how it is run.
#[derive(Debug, Clone)]
pub struct CaseConfig {
    /// What `initialize` is given, JSON text.
    pub settings: String,
    /// Topics that it is granted.
    pub topics: Vec<TopicName>,
    /// The endpoint or topic of inputs that name none.
    pub place: String,
    /// Endpoints or topics by name.
    pub places: Vec<String>,
    /// What it may use other than usual, by the keys of a pipeline file's `limits`.
    pub limits: Vec<(String, u64)>,
    /// The time, in milliseconds since 1970-01-01 UTC.
    pub now_ms: u64,
}

/// Names of the role in its settings.
struct Words {
    list: &'static str,
    other: &'static str,
    place: &'static str,
    topic: &'static str,
    cure: &'static str,
}

const OF_SOURCES: Words = Words {
    list: "endpoints",
    other: "topic_mappings",
    place: "path",
    topic: "danube_topic",
    cure: "a source has `[[endpoints]]` with `path` and `danube_topic`",
};
const OF_SINKS: Words = Words {
    list: "topic_mappings",
    other: "endpoints",
    place: "topic",
    topic: "topic",
    cure: "a sink has `[[topic_mappings]]` with `topic`",
};

impl CaseConfig {
    /// What a connector is given that has no `config.toml`.
    pub fn default_of(role: Role) -> Self {
        let text = match role {
            Role::Source => "[[endpoints]]\npath = \"/events\"\ndanube_topic = \"/default/events\"\n",
            Role::Sink => "[[topic_mappings]]\ntopic = \"/default/records\"\ntable = \"records\"\n",
        };
        let mut mistakes = Mistakes::default();
        Self::read(Path::new("config.toml"), text, role, &mut mistakes)
    }

    /// Reads a file; what is wrong with it goes to `mistakes`.
    pub fn read(file: &Path, text: &str, role: Role, mistakes: &mut Mistakes) -> Self {
        let mut reader = Reader { file, text, mistakes };
        let mut config = Self {
            settings: "{}".to_owned(),
            topics: Vec::new(),
            place: String::new(),
            places: Vec::new(),
            limits: Vec::new(),
            now_ms: NOW_MS,
        };
        match DeTable::parse(text) {
            Ok(table) => config.fill(&table, role, &mut reader),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                let message = error.message().lines().collect::<Vec<_>>().join(", ");
                reader.wrong(at, format!("not TOML: {message}"));
            }
        }
        config
    }

    /// The limits of a component that has these by default.
    pub(crate) fn limits(&self, mut usual: GuestLimits) -> GuestLimits {
        self.limits.iter().for_each(|(key, value)| set(&mut usual, key, *value));
        usual
    }

    fn fill(&mut self, table: &Spanned<DeTable<'_>>, role: Role, reader: &mut Reader<'_>) {
        let words = match role {
            Role::Source => OF_SOURCES,
            Role::Sink => OF_SINKS,
        };
        let mut settings = Map::new();
        for (key, value) in table.get_ref().iter() {
            let name: &str = key.get_ref();
            match name {
                "config" => {
                    settings.insert(name.to_owned(), json(value.get_ref()));
                }
                "limits" => self.read_limits(value, reader),
                "case" => self.read_case(value, reader),
                _ if name == words.list => {
                    let list = self.read_list(value, &words, reader);
                    settings.insert(name.to_owned(), list);
                }
                _ if name == words.other => {
                    reader.wrong(
                        key.span().start,
                        format!("`{name}` is not for a {}: {}", role.as_str(), words.cure),
                    );
                }
                _ => {
                    let known = [words.list, "config", "limits", "case"];
                    reader.wrong(key.span().start, unknown("key", name, &known));
                }
            }
        }
        if self.places.is_empty() && !table.get_ref().contains_key(words.list) {
            reader.wrong(0, format!("no `{}`: {}", words.list, words.cure));
        }
        self.place = self.places.first().cloned().unwrap_or_default();
        self.settings = Value::Object(settings).to_string();
    }

    fn read_list(&mut self, value: &Spanned<DeValue<'_>>, words: &Words, reader: &mut Reader<'_>) -> Value {
        let at = value.span().start;
        let Some(list) = value.get_ref().as_array().filter(|list| !list.is_empty()) else {
            reader.wrong(at, format!("`{}` is a list of tables: {}", words.list, words.cure));
            return Value::Null;
        };
        let mut values = Vec::new();
        for entry in list.iter() {
            let mut entry_value = json(entry.get_ref());
            let at = entry.span().start;
            let text = |key: &str| entry_value.get(key).and_then(Value::as_str).map(str::to_owned);
            match (text(words.place), text(words.topic)) {
                (Some(place), Some(topic)) => {
                    self.places.push(place);
                    match topic.parse::<TopicName>() {
                        Ok(topic) if self.topics.contains(&topic) => {}
                        Ok(topic) => self.topics.push(topic),
                        Err(error) => reader.wrong(at, format!("`{}`: {error}", words.topic)),
                    }
                }
                _ => reader.wrong(at, format!("a part of it is missing: {}", words.cure)),
            }
            if words.list == "topic_mappings" && entry_value.is_object() && entry_value.get("subscription").is_none() {
                // The pipeline file has one; here nothing is subscribed to.
                entry_value["subscription"] = json!("cases");
            }
            values.push(entry_value);
        }
        Value::Array(values)
    }

    fn read_limits(&mut self, value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) {
        let Some(table) = value.get_ref().as_table() else {
            return reader.wrong(
                value.span().start,
                "`limits` is a table, as in a pipeline file".to_owned(),
            );
        };
        let known: Vec<_> = limits::keys().into_iter().map(|(key, _, _)| key).collect();
        for (key, value) in table.iter() {
            let name: &str = key.get_ref();
            let at = key.span().start;
            match json(value.get_ref()).as_u64() {
                _ if !known.contains(&name) => reader.wrong(at, unknown("limit", name, &known)),
                None => reader.wrong(at, format!("`{name}` is a whole number")),
                Some(number) => self.limits.push((name.to_owned(), number)),
            }
        }
    }

    fn read_case(&mut self, value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) {
        let Some(table) = value.get_ref().as_table() else {
            return reader.wrong(value.span().start, "`case` is a table".to_owned());
        };
        for (key, value) in table.iter() {
            let name: &str = key.get_ref();
            let at = key.span().start;
            match (name, json(value.get_ref()).as_u64()) {
                ("now_ms", Some(ms)) => self.now_ms = ms,
                ("now_ms", None) => reader.wrong(at, "`now_ms` is a whole number: milliseconds since 1970".to_owned()),
                _ => reader.wrong(at, unknown("key", name, &["now_ms"])),
            }
        }
    }
}

/// Where mistakes are in the text.
struct Reader<'a> {
    file: &'a Path,
    text: &'a str,
    mistakes: &'a mut Mistakes,
}

impl Reader<'_> {
    fn wrong(&mut self, at: usize, message: String) {
        let before = self.text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        self.mistakes.add(self.file, line, message);
    }
}

fn set(limits: &mut GuestLimits, key: &str, value: u64) {
    let size = usize::try_from(value).unwrap_or(usize::MAX);
    match key {
        "memory_bytes" => limits.memory_bytes_max = size,
        "table_elements" => limits.table_elements_max = size,
        "call_budget_ms" => limits.call_base_ms = value,
        "record_budget_us" => limits.call_per_record_us = value,
        "initialize_budget_ms" => limits.initialize_ms = value,
        "output_bytes" => limits.output_bytes_max = size,
        "output_records" => limits.output_records_max = size,
        "output_origins" => limits.output_origins_max = size,
        "log_lines_per_sec" => limits.log_lines_per_s = u32::try_from(value).unwrap_or(u32::MAX),
        _ => {}
    }
}

/// A value of TOML as JSON; dates as their text.
fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Null, Value::from)
        }
        DeValue::Float(number) => number.as_str().parse::<f64>().map_or(Value::Null, Value::from),
        DeValue::Boolean(is_set) => json!(is_set),
        DeValue::Datetime(time) => json!(time.to_string()),
        DeValue::Array(values) => values.iter().map(|value| json(value.get_ref())).collect(),
        DeValue::Table(table) => {
            let members = table
                .iter()
                .map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref())));
            Value::Object(members.collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, role: Role) -> (CaseConfig, String) {
        let mut mistakes = Mistakes::default();
        let config = CaseConfig::read(Path::new("config.toml"), text, role, &mut mistakes);
        (config, mistakes.to_string())
    }

    #[test]
    fn settings_are_what_the_host_gives() {
        let text = "[[endpoints]]\npath = \"/a\"\ndanube_topic = \"/n/t\"\n[config]\nn = 0x10\n[limits]\nmemory_bytes = 1_000_000\n[case]\nnow_ms = 5\n";
        let (config, wrong) = read(text, Role::Source);
        assert_eq!(wrong, "");
        let settings: Value = serde_json::from_str(&config.settings).expect("JSON");
        let expected = json!({"endpoints": [{"path": "/a", "danube_topic": "/n/t"}], "config": {"n": 16}});
        assert_eq!(settings, expected);
        let limits = config.limits(GuestLimits::default());
        assert_eq!((limits.memory_bytes_max, config.now_ms), (1_000_000, 5));
    }

    #[test]
    fn every_mistake_has_its_line_and_its_cure() {
        let text = "[[topic_mappings]]\ntopic = \"/n/t\"\n[confg]\n[limits]\nmemory_byte = 1\n";
        let (_, wrong) = read(text, Role::Source);
        let wrong: Vec<_> = wrong.lines().collect();
        assert_eq!(wrong.len(), 4, "{wrong:#?}");
        assert!(
            wrong
                .iter()
                .any(|w| w.starts_with("config.toml:1: `topic_mappings` is not for a source: a source has"))
        );
        assert!(
            wrong.contains(&"config.toml:3: unknown key `confg`: write `config`"),
            "{wrong:#?}"
        );
        assert!(
            wrong.contains(&"config.toml:5: unknown limit `memory_byte`: write `memory_bytes`"),
            "{wrong:#?}"
        );
        let (_, wrong) = read("[config\n", Role::Sink);
        assert!(wrong.starts_with("config.toml:1: not TOML"), "{wrong}");
    }
}
