//! What is known of each subject, and what is new in what the registry says. Pure.

use std::collections::{BTreeMap, BTreeSet};

use danube_wasm_broker::{RegisteredSchema, SchemaRef};

use super::entry::Entry;

/// See the module. By subject and version.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<(String, u32), RegisteredSchema>);

/// What the registry said.
#[derive(Debug, Clone, Copy)]
pub(super) enum Said<'a> {
    /// This is the newest version of the subject; `None` if there is no such subject.
    Latest(&'a str, Option<&'a RegisteredSchema>),
    /// These are all versions of the subject.
    All(&'a str, &'a [RegisteredSchema]),
    /// This is one version of its subject.
    One(&'a RegisteredSchema),
}

impl Known {
    /// The versions of a subject, oldest first.
    pub(super) fn versions(&self, subject: &str) -> Vec<RegisteredSchema> {
        let from = (subject.to_owned(), 0)..=(subject.to_owned(), u32::MAX);
        self.0.range(from).map(|(_, schema)| schema.clone()).collect()
    }

    pub(super) fn find(&self, reference: SchemaRef) -> Option<RegisteredSchema> {
        self.0.values().find(|schema| schema.reference == reference).cloned()
    }

    pub(super) fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Schema(schema) => {
                let at = (schema.subject.clone(), schema.reference.version);
                self.0.insert(at, schema);
            }
            Entry::Forget(subject) => self.0.retain(|(of, _), _| *of != subject),
        }
    }

    /// What is to be remembered of what was said; nothing where it is known.
    pub(super) fn news(&self, said: Said<'_>) -> Vec<Entry> {
        let (subject, new): (&str, &[RegisteredSchema]) = match said {
            Said::Latest(subject, latest) => (subject, latest.map_or(&[], std::slice::from_ref)),
            Said::All(subject, all) => (subject, all),
            Said::One(schema) => (&schema.subject, std::slice::from_ref(schema)),
        };
        let before = self.versions(subject);
        let kept = before.iter().filter(|known| said.allows(known));
        let mut after: Vec<_> = kept.chain(new).cloned().collect();
        after.sort_by_key(|schema| schema.reference.version);
        let mut news = self.renumbered(subject, new);
        if before.iter().all(|known| after.contains(known)) {
            after.retain(|schema| !before.contains(schema));
        } else {
            news.push(Entry::Forget(subject.to_owned()));
        }
        news.extend(after.into_iter().map(Entry::Schema));
        news
    }

    /// As much of it as there is room for, where no more than `max` versions are to be known.
    pub(super) fn fitting(&self, mut news: Vec<Entry>, max: usize) -> Vec<Entry> {
        let forgets = |subject: &str| news.iter().any(|entry| *entry == Entry::Forget(subject.to_owned()));
        let stay = self.0.keys().filter(|(subject, _)| !forgets(subject)).count();
        let mut room = max.saturating_sub(stay);
        news.retain(|entry| {
            let fits = room > 0 || matches!(entry, Entry::Forget(_));
            room -= usize::from(fits && matches!(entry, Entry::Schema(_)));
            fits
        });
        news
    }

    /// Other subjects that had the number of these once: the registry was made anew.
    fn renumbered(&self, subject: &str, new: &[RegisteredSchema]) -> Vec<Entry> {
        let others = self.0.values().filter(|known| known.subject != subject);
        let taken = others.filter(|known| new.iter().any(|schema| schema.reference.id == known.reference.id));
        let subjects: BTreeSet<_> = taken.map(|known| known.subject.clone()).collect();
        subjects.into_iter().map(Entry::Forget).collect()
    }
}

impl Said<'_> {
    /// Whether a version that was known before may still be there.
    fn allows(self, known: &RegisteredSchema) -> bool {
        let at = known.reference;
        match self {
            Self::Latest(_, Some(latest)) => at.id == latest.reference.id && at.version < latest.reference.version,
            Self::Latest(_, None) | Self::All(..) => false,
            Self::One(schema) => at.id == schema.reference.id && at.version != schema.reference.version,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(subject: &str, id: u64, version: u32) -> RegisteredSchema {
        RegisteredSchema {
            reference: SchemaRef { id, version },
            subject: subject.to_owned(),
            schema_type: "json_schema".to_owned(),
            definition: format!("{{\"title\":\"{subject} {version}\"}}"),
        }
    }

    fn learn(known: &mut Known, said: Said<'_>) -> usize {
        let news = known.news(said);
        let entries = news.len();
        news.into_iter().for_each(|entry| known.apply(entry));
        assert!(known.news(said).is_empty(), "said twice, learnt once");
        entries
    }

    #[test]
    fn versions_add_up() {
        let mut known = Known::default();
        let (one, two) = (schema("a", 1, 1), schema("a", 1, 2));
        assert_eq!(learn(&mut known, Said::Latest("a", Some(&one))), 1);
        assert_eq!(learn(&mut known, Said::Latest("a", Some(&two))), 1);
        assert_eq!(learn(&mut known, Said::One(&schema("b", 2, 7))), 1);
        assert_eq!(known.versions("a"), [one.clone(), two]);
        assert_eq!(known.find(one.reference), Some(one));
        assert_eq!(known.find(SchemaRef { id: 1, version: 3 }), None);
    }

    #[test]
    fn what_the_registry_does_not_have_any_more_is_forgotten() {
        let mut known = Known::default();
        let all = [schema("a", 1, 1), schema("a", 1, 2), schema("a", 1, 3)];
        learn(&mut known, Said::All("a", &all));
        learn(&mut known, Said::Latest("a", Some(&all[1])));
        assert_eq!(known.versions("a"), all[..2]);
        learn(&mut known, Said::All("a", &all[1..2]));
        assert_eq!(known.versions("a"), all[1..2]);
        learn(&mut known, Said::Latest("a", None));
        assert_eq!(known.versions("a"), []);
    }

    #[test]
    fn no_more_versions_are_known_than_there_is_room_for() {
        let mut known = Known::default();
        let all: Vec<_> = (1..=4).map(|version| schema("a", 1, version)).collect();
        learn(&mut known, Said::All("a", &all[..2]));
        let news = known.news(Said::All("a", &all));
        assert_eq!(known.fitting(news.clone(), 4), news, "at the limit");
        assert_eq!(known.fitting(news, 3), [Entry::Schema(all[2].clone())], "one past it");
        // What is replaced gives its room.
        let news = known.news(Said::All("a", &all[2..]));
        assert_eq!(known.fitting(news.clone(), 2), news);
        assert_eq!(news.first(), Some(&Entry::Forget("a".to_owned())));
    }

    #[test]
    fn a_registry_that_was_made_anew_is_believed() {
        let mut known = Known::default();
        learn(&mut known, Said::All("a", &[schema("a", 1, 1), schema("a", 1, 2)]));
        learn(&mut known, Said::Latest("b", Some(&schema("b", 2, 1))));
        // Its numbers are given in another order now.
        let again = schema("a", 2, 1);
        learn(&mut known, Said::One(&again));
        assert_eq!(known.find(again.reference), Some(again.clone()));
        assert_eq!(known.versions("a"), [again]);
        assert_eq!(known.versions("b"), []);
    }
}
