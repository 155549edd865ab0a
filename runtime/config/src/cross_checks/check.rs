//! The checks.

use std::collections::HashMap;

use danube_wasm_model::{SubscriptionType, TopicName};

use super::{CrossChecks, SchemaUse};
use danube_wasm_connector::{AddressClaim, AttributeFamily, Consumed, Facts, Published};
use danube_wasm_settings::{Code, Reading, Span, nearest_among};

/// Checks everything that several tables must agree on.
pub(crate) fn check(shared: &Reading<'_>) {
    let own = std::mem::take(&mut *shared.facts::<CrossChecks>());
    let facts = std::mem::take(&mut *shared.facts::<Facts>());
    connectors(shared, &own);
    addresses(shared, &facts);
    paths(shared, &facts);
    names(shared, &facts);
    published(shared, &facts);
    schemas(shared, &own, &facts);
    consumed(shared, &facts);
    expected_subjects(shared, &own, &facts);
    newest_of_an_id(shared, &own, &facts);
    attributes(shared, &own, &facts);
    *shared.facts::<CrossChecks>() = own;
    *shared.facts::<Facts>() = facts;
}

fn connectors(shared: &Reading<'_>, cross_checks: &CrossChecks) {
    let mut seen = HashMap::new();
    for (span, name) in &cross_checks.connectors {
        // The names of dead-letter topics replace `.` by `-`, so these two would share one.
        let Some((first, other)) = seen.insert(name.replace('.', "-"), (span, name)) else {
            continue;
        };
        let line = shared.line_from(first, span);
        let message = if other == name {
            format!("`{name}` is the name of another connector, on {line}")
        } else {
            format!("`{name}` and `{other}` ({line}) differ only in `.` and `-`: their dead letters would mix")
        };
        let named = shared
            .env()
            .get("CONNECTOR_NAME")
            .is_some_and(|variable| variable == *name);
        let help = if named {
            "unset CONNECTOR_NAME, which holds over the names of all files of Danube Connect"
        } else {
            "give every source and sink a name of its own"
        };
        shared.coded(Code::Claimed, span, message, help);
    }
}

fn addresses(shared: &Reading<'_>, facts: &Facts) {
    for (i, (span, own)) in facts.addresses.iter().enumerate() {
        let port = own.listen.port;
        let clash = |(_, other): &&(Span, AddressClaim)| {
            other.listen.port == port && other.listen.host.overlaps(&own.listen.host)
        };
        let Some((first, other)) = facts.addresses[..i].iter().find(clash) else {
            continue;
        };
        let line = shared.line_from(first, span);
        if other.listen != own.listen || other.terms.is_none() || own.terms.is_none() {
            let message = format!("port {port} is taken by what {line} configures");
            shared.coded(
                Code::Claimed,
                span,
                message,
                "choose another port, or 0 for any free one",
            );
        } else if other.terms != own.terms {
            let message = format!("port {port} is shared with {line}, where it has other settings");
            let help = "give both the same `tls`, `trusted_proxies` and timeouts, or choose another port";
            shared.coded(Code::Claimed, span, message, help);
        }
    }
}

fn paths(shared: &Reading<'_>, facts: &Facts) {
    let mut seen = HashMap::new();
    for (span, own) in &facts.paths {
        // Sources that share an address also share its paths.
        let address = facts.addresses.iter().find(|(_, address)| address.owner == own.owner);
        let listener = address.map_or_else(|| own.owner.clone(), |(_, address)| address.listen.to_string());
        if let Some(first) = seen.insert((listener, &own.path), span) {
            let line = shared.line_from(first, span);
            let message = format!(
                "`{}` is the path of another endpoint of this listener, on {line}",
                own.path
            );
            shared.coded(
                Code::Claimed,
                span,
                message,
                "give every endpoint of a listener a path of its own",
            );
        }
    }
}

fn names(shared: &Reading<'_>, facts: &Facts) {
    let mut seen = HashMap::new();
    for (span, own) in &facts.names {
        if let Some(first) = seen.insert(&own.what, span) {
            let line = shared.line_from(first, span);
            let message = format!("{} is taken by the connector on {line}", own.what);
            shared.coded(Code::Claimed, span, message, "give each connector one of its own");
        }
    }
}

fn published(shared: &Reading<'_>, facts: &Facts) {
    let mut seen: HashMap<&TopicName, (&Span, &Published)> = HashMap::new();
    for (span, own) in &facts.published {
        let Some((first, other)) = seen.get(&own.topic) else {
            seen.insert(&own.topic, (span, own));
            continue;
        };
        let line = shared.line_from(first, span);
        let topic = &own.topic;
        if other.partitions != own.partitions {
            let (mine, theirs) = (own.partitions, other.partitions);
            let message = format!("{topic} has {mine} partitions here and {theirs} on {line}");
            shared.error(span, message, "give the topic the same `partitions` everywhere");
        }
        if other.reliable_dispatch != own.reliable_dispatch {
            let message = format!("{topic} has another `reliable_dispatch` on {line}");
            shared.error(span, message, "give the topic the same `reliable_dispatch` everywhere");
        }
        if other.ordered != own.ordered {
            let message = format!("{topic} has another `ordered` on {line}");
            shared.error(span, message, "give the topic the same `ordered` everywhere");
        }
    }
}

fn schemas(shared: &Reading<'_>, cross_checks: &CrossChecks, facts: &Facts) {
    let mut seen: HashMap<&TopicName, (&Span, &SchemaUse)> = HashMap::new();
    for (span, own) in &cross_checks.schemas {
        // Two files may give the same schema for the same topic.
        let again = |first: &Span, other: &SchemaUse| {
            first.file != span.file && own.schema.is_some() && own.schema == other.schema
        };
        if let Some((first, other)) = seen.insert(&own.topic, (span, own))
            && !again(first, other)
        {
            let line = shared.line_from(first, span);
            let message = format!("{} has a schema already, on {line}", own.topic);
            shared.error(span, message, "keep one [[schemas]] table for each topic");
        }
        let published = facts.published.iter().any(|(_, p)| p.topic == own.topic);
        if !published && !facts.published.is_empty() {
            let topics = facts.published.iter().map(|(_, p)| p.topic.as_str());
            let message = format!(
                "no endpoint of {} publishes to {}: its schema checks nothing",
                these_files(shared),
                own.topic
            );
            shared.warning(span, message, did_you_mean(shared, own.topic.as_str(), topics));
        }
    }
}

fn consumed(shared: &Reading<'_>, facts: &Facts) {
    let mut seen: HashMap<(&TopicName, &str), (&Span, &Consumed)> = HashMap::new();
    for (i, (span, own)) in facts.consumed.iter().enumerate() {
        let published = facts.published.iter().any(|(_, p)| p.topic == own.topic);
        if !published && !facts.published.is_empty() {
            let topics = facts.published.iter().map(|(_, p)| p.topic.as_str());
            let message = format!("no endpoint of {} publishes to {}", these_files(shared), own.topic);
            shared.warning(span, message, did_you_mean(shared, own.topic.as_str(), topics));
        }
        let same_sink = |(_, other): &&(Span, Consumed)| other.sink == own.sink && other.topic == own.topic;
        if let Some((first, _)) = facts.consumed[..i].iter().find(same_sink) {
            // Messages carry their topic and not their subscription, so a component could not distinguish the two.
            let line = shared.line_from(first, span);
            let message = format!("this sink has a mapping of {} already, on {line}", own.topic);
            shared.error(span, message, "use a second sink, with a subscription of its own");
            continue;
        }
        let Some((first, other)) = seen.get(&(&own.topic, own.subscription.as_str())) else {
            seen.insert((&own.topic, &own.subscription), (span, own));
            continue;
        };
        let (line, name) = (shared.line_from(first, span), &own.subscription);
        let help = "give each mapping a `subscription` of its own: then each gets every message";
        if own.subscription_type != other.subscription_type {
            let message = format!("subscription `{name}` has another `subscription_type` on {line}");
            shared.error(span, message, help);
        } else if own.subscription_type == SubscriptionType::Exclusive {
            shared.coded(
                Code::Claimed,
                span,
                format!("subscription `{name}` is taken on {line}"),
                help,
            );
        } else {
            let message = format!("subscription `{name}` is shared with {line}: each gets a part of the messages");
            shared.warning(span, message, help);
        }
    }
}

fn expected_subjects(shared: &Reading<'_>, cross_checks: &CrossChecks, facts: &Facts) {
    for (span, own) in &facts.consumed {
        let Some(expected) = &own.expected_schema_subject else {
            continue;
        };
        let schema = cross_checks.schemas.iter().find(|(_, s)| s.topic == own.topic);
        let published = facts.published.iter().any(|(_, p)| p.topic == own.topic);
        let message = match schema {
            Some((_, schema)) if schema.subject == *expected => continue,
            Some((at, schema)) => {
                let line = shared.line_from(at, span);
                format!(
                    "`{expected}` is expected, but {} has subject `{}` ({line})",
                    own.topic, schema.subject
                )
            }
            None if published => format!("`{expected}` is expected, but {} has no [[schemas]] table", own.topic),
            None => continue,
        };
        shared.error(span, message, "every message would be refused: make the two agree");
    }
}

/// Warns about records of one id without a key: they are spread over all partitions, and only their clocks tell which
/// is the newest.
fn newest_of_an_id(shared: &Reading<'_>, cross_checks: &CrossChecks, facts: &Facts) {
    for (_, own) in &facts.consumed {
        let Some(span) = &own.by_id else { continue };
        let scattered = |(_, published): &&(Span, Published)| {
            published.topic == own.topic
                && published.partitions > 1
                && !published.keyed
                && !cross_checks.own_components.contains(&published.source)
        };
        if let Some((at, published)) = facts.published.iter().find(scattered) {
            let line = shared.line_from(at, span);
            let (topic, partitions) = (&own.topic, published.partitions);
            let message = format!(
                "records of {topic} have no key ({line}), so those of one id go through all of its {partitions} partitions, \
                 and only the clocks of the processes that publish them tell which is the newest"
            );
            let help = "write `key_pointer` in that endpoint: where its bodies have the id";
            shared.warning(span, message, help);
        }
    }
}

/// Warns about attributes that a sink asks for and no endpoint of the topic gives. What a component of the user's, or another
/// pipeline, gives is not known.
fn attributes(shared: &Reading<'_>, cross_checks: &CrossChecks, facts: &Facts) {
    for (span, asked) in &facts.asked {
        let given = facts.given.iter().filter(|(_, given)| given.topic == asked.topic);
        let given: Vec<_> = given.collect();
        let publishes = |(_, published): &&(Span, Published)| published.topic == asked.topic;
        let is_known = facts.published.iter().filter(publishes).all(|(_, published)| {
            let is_own = cross_checks.own_components.contains(&published.source);
            !is_own && given.iter().any(|(_, given)| given.source == published.source)
        });
        let Some((at, first)) = given.first().filter(|_| is_known) else {
            continue;
        };
        let names: Vec<&str> = given
            .iter()
            .flat_map(|(_, given)| &given.names)
            .map(String::as_str)
            .collect();
        for name in asked.names.iter().filter(|name| !names.contains(&name.as_str())) {
            let Some(help) = help_for_attribute(name, &names, first.families) else {
                continue;
            };
            let (topic, line) = (&asked.topic, shared.line_from(at, span));
            let message =
                format!("no record of {topic} has an attribute `{name}`: its endpoint ({line}) does not give it");
            shared.warning(span, message, help);
        }
    }
}

/// `None` for what is of no family of the endpoint's: its component may give such attributes.
fn help_for_attribute(name: &str, given: &[&str], families: &[AttributeFamily]) -> Option<String> {
    let of_family = |family: &&AttributeFamily| name.starts_with(family.prefix);
    let Some(family) = families.iter().find(of_family) else {
        let near = given.iter().find(|given| given.rsplit('.').next() == Some(name));
        return near.map(|near| format!("did you mean `{near}`?"));
    };
    let part = &name[family.prefix.len()..];
    let others = given.iter().filter_map(|given| given.strip_prefix(family.prefix));
    Some(match nearest_among(part, others) {
        Some(near) => format!("did you mean `{}{near}`?", family.prefix),
        None => (family.help)(part),
    })
}

fn these_files(shared: &Reading<'_>) -> &'static str {
    if shared.file_count() > 1 {
        "these files"
    } else {
        "this file"
    }
}

fn did_you_mean<'n>(shared: &Reading<'_>, given: &str, topics: impl Iterator<Item = &'n str> + Clone) -> String {
    match nearest_among(given, topics.clone()) {
        Some(topic) => format!("did you mean {topic}?"),
        None => {
            let mut topics: Vec<_> = topics.collect();
            topics.sort_unstable();
            topics.dedup();
            format!("topics of {}: {}", these_files(shared), topics.join(", "))
        }
    }
}
