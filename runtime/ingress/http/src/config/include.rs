//! What the built-in component adds to a record of the request that it came in.

use danube_wasm_connector::{AttributeFamily, Facts, GivenAttributes};
use danube_wasm_ingress_listener::config::AuthConfig;
use danube_wasm_model::TopicName;
use danube_wasm_settings::{
    Section, Table,
    kinds::{List, Parsed, Text},
    values::{HeaderName, JsonPointer},
};
use serde_json::{Value, json};

use crate::{PathPattern, endpoint::is_credential};

/// The table `include`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Include {
    /// Headers, by name.
    pub headers: Vec<HeaderName>,
    /// Parameters of the query, by name.
    pub query: Vec<String>,
    /// Parameters of the path, by name.
    pub path: Vec<String>,
    /// Where they are put in the document; as attributes of the record without.
    pub into: Option<JsonPointer>,
}

const HEADER: &str = "webhook.header.";
const QUERY: &str = "webhook.query.";
const PATH: &str = "webhook.path.";

/// Of the parts of a request, records have those that the table names.
const FAMILIES: &[AttributeFamily] = &[
    AttributeFamily {
        prefix: HEADER,
        help: |name| help("headers", name),
    },
    AttributeFamily {
        prefix: QUERY,
        help: |name| help("query", name),
    },
    AttributeFamily {
        prefix: PATH,
        help: |name| help("path", name),
    },
];

fn help(list: &str, name: &str) -> String {
    format!("write `include = {{ {list} = [\"{name}\"] }}` in that endpoint")
}

/// Most names of a list.
const NAMES_MAX: usize = 64;

impl Include {
    /// The attributes that records get: none if it is put in the document.
    fn attributes(&self) -> Vec<String> {
        if self.into.is_some() {
            return Vec::new();
        }
        let headers = self.headers.iter().map(|name| format!("{HEADER}{name}"));
        let query = self.query.iter().map(|name| format!("{QUERY}{name}"));
        let path = self.path.iter().map(|name| format!("{PATH}{name}"));
        headers.chain(query).chain(path).collect()
    }

    /// What the component is told of it.
    pub(super) fn settings(&self) -> Value {
        let headers: Vec<_> = self.headers.iter().map(HeaderName::as_str).collect();
        json!({ "headers": headers, "query": self.query, "path": self.path, "into": self.into })
    }
}

impl Section for Include {
    const ABOUT: &'static str = "Parts of the request that `builtin:webhook-source` gives to each of its records: as attributes \
        `webhook.header.NAME`, `webhook.query.NAME` and `webhook.path.NAME`, or in the document. What a request does not have is \
        left out.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let headers = t
            .field(
                "headers",
                names(Parsed::<HeaderName>::new("the name of a header")),
                "Names of headers. Those that carry credentials are never in a record.",
            )
            .example("[\"x-github-event\"]")
            .or(Vec::new());
        let query = t
            .field(
                "query",
                names(Text),
                "Names of parameters of the query. Of one that comes twice the first counts.",
            )
            .example("[\"site\"]")
            .or(Vec::new());
        let path = t
            .field("path", names(Text), "Names of parameters of the endpoint's `path`.")
            .example("[\"tenant\"]")
            .or(Vec::new());
        let into = t
            .field(
                "into",
                Parsed::<JsonPointer>::new("a JSON pointer"),
                "Where they are put in the document instead, which must be an object there: as `{ \"headers\": {…}, \"query\": {…}, \
                 \"path\": {…} }`, in place of what the sender has there. Without, they are attributes of the record, and sinks \
                 that `include_attributes` show them.",
            )
            .example("\"/_request\"")
            .optional();
        for header in headers.iter().filter(|header| is_credential(&(*header).clone().into())) {
            t.session().error(
                &t.span("headers"),
                format!("`{header}` carries a credential, and no record has those"),
                "leave it out",
            );
        }
        Some(Self {
            headers,
            query,
            path,
            into,
        })
    }
}

/// That the path has the parameters that are asked for.
pub(super) fn check(t: &Table<'_>, include: Option<&Include>, path: &PathPattern) {
    let asked = include.into_iter().flat_map(|include| &include.path);
    for name in asked.filter(|name| path.names().all(|own| own != *name)) {
        t.session().error(
            &t.span("include"),
            format!("the path {path} has no parameter `{name}`"),
            format!("write `{{{name}}}` in place of a part of the path, or leave the name out"),
        );
    }
}

/// Records the attributes that records of these topics get, for checks of sinks that ask for some. An endpoint without the table gives
/// none.
pub(super) fn leave<'a>(t: &Table<'_>, include: Option<&Include>, topics: impl Iterator<Item = &'a TopicName>) {
    let names = include.map(Include::attributes).unwrap_or_default();
    let given = |topic: &TopicName| GivenAttributes {
        topic: topic.clone(),
        names: names.clone(),
        families: FAMILIES,
        source: t.item(),
    };
    let span = t.span("include");
    let given = topics.map(|topic| (span.clone(), given(topic)));
    t.session().facts::<Facts>().given.extend(given);
}

/// That no parameter is asked for that carries a secret.
pub(super) fn refuse_token(t: &Table<'_>, include: Option<&Include>, auth: &AuthConfig) {
    let AuthConfig::QueryToken { parameter, .. } = auth else {
        return;
    };
    if include.is_some_and(|include| include.query.contains(parameter)) {
        t.session().error(
            &t.span("include"),
            format!("the parameter `{parameter}` of the query carries the secret of `auth`, and no record has that"),
            "leave it out of `query`",
        );
    }
}

fn names<K>(kind: K) -> List<K> {
    List {
        kind,
        len: 0..=NAMES_MAX,
    }
}
