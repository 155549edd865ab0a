//! The table `grants` of a connector.

use std::{collections::BTreeSet, time::Duration};

use danube_wasm_egress_dial::config::Guard;
use danube_wasm_settings::{
    Secret, Section, Table,
    kinds::{Integer, List, Millis, Name, Parsed, SecretText},
};

use crate::HostPattern;

/// What a connector's component is granted besides its log, metrics, clocks and chance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    /// Requests.
    pub http: Option<HttpGrant>,
}

/// The hosts that a component may ask, and how much of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpGrant {
    /// The hosts.
    pub hosts: Vec<HostPattern>,
    /// Which addresses they may have.
    pub guard: Guard,
    /// Credentials that it may name.
    pub credentials: Vec<Credential>,
    /// Requests of one call.
    pub requests_max: usize,
    /// Requests of one instance at the same time.
    pub concurrent_max: usize,
    /// Bytes of a request's body.
    pub request_bytes_max: usize,
    /// Bytes of an answer's body.
    pub response_bytes_max: usize,
    /// How long a request may take, with its answer.
    pub request_timeout: Duration,
}

/// A secret that the component knows by its name alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// What the component writes: `secret:NAME`.
    pub name: String,
    /// The hosts that it is sent to.
    pub hosts: Vec<HostPattern>,
    /// The header's value.
    pub value: Secret,
}

impl Section for Grants {
    const ABOUT: &'static str = "What the component may reach besides its input, its log and its metrics: nothing, unless it is written here. A \
        component that needs more than it is granted is refused.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let http = t.group("http").optional::<HttpGrant>();
        Some(Self { http })
    }
}

impl Section for HttpGrant {
    const ABOUT: &'static str = "Requests that the component may make, by `wasi:http`. The host makes them: it checks host and address of each, \
        also of one that follows a redirect, and sends the secrets.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let hosts = t
            .field(
                "hosts",
                hosts(1..=64),
                "The hosts that it may ask, each with a port unless it is 443 for `https` and 80 for `http`. A star stands for one or \
                 more labels.",
            )
            .example("[\"api.example.com\", \"*.cdn.example.com\"]")
            .required();
        let guard = Guard::read_public(t);
        let credentials = t.group("credentials").each::<Credential>();
        let requests_max = t
            .field(
                "requests_max",
                Integer(1..=1_000),
                "Requests of one call into the component.",
            )
            .or(32);
        let concurrent_max = t
            .field(
                "concurrent_max",
                Integer(1..=64),
                "Requests of one instance at the same time. Others wait.",
            )
            .or(4);
        let request_bytes_max = t
            .field("request_bytes_max", Integer(0..=64 << 20), "Bytes of a request's body.")
            .or(1 << 20);
        let response_bytes_max = t
            .field(
                "response_bytes_max",
                Integer(1 << 10..=64 << 20),
                "Bytes of an answer's body. It must fit into the component's memory, with what the component makes of it.",
            )
            .or(8 << 20);
        let request_timeout = t
            .field(
                "request_timeout_ms",
                Millis(10..=300_000),
                "How long a request may take, with its answer. A call into the component may wait as long in all.",
            )
            .or(Duration::from_secs(30));
        refuse_doubles(t, &credentials);
        Some(Self {
            hosts: hosts?,
            guard: guard?,
            credentials,
            requests_max,
            concurrent_max,
            request_bytes_max,
            response_bytes_max,
            request_timeout,
        })
    }
}

fn hosts(len: std::ops::RangeInclusive<usize>) -> List<Parsed<HostPattern>> {
    List {
        kind: Parsed::new("a host"),
        len,
    }
}

fn refuse_doubles(t: &Table<'_>, credentials: &[Credential]) {
    let mut names = BTreeSet::new();
    if let Some(double) = credentials.iter().find(|credential| !names.insert(&credential.name)) {
        t.session().error(
            &t.span("credentials"),
            format!("two credentials are called `{}`", double.name),
            "give each a name of its own",
        );
    }
}

impl Section for Credential {
    const ABOUT: &'static str =
        "A secret that the component sends without seeing it: it writes `secret:NAME` as the value of a header.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let name = t
            .field("name", Name("credential"), "What the component calls it.")
            .example("\"orders\"")
            .required();
        let hosts = t
            .field(
                "hosts",
                hosts(1..=64),
                "The hosts that it is sent to, and no others. Only over `https`, but for this machine's own addresses.",
            )
            .example("[\"api.example.com\"]")
            .required();
        let value = t
            .field("value", SecretText, "The header's whole value.")
            .example("\"Bearer ${ORDERS_TOKEN}\"")
            .required();
        Some(Self {
            name: name?,
            hosts: hosts?,
            value: value?,
        })
    }
}
