//! The known versions of each subject, and what a registry's answer changes. Pure.

use std::collections::{BTreeMap, BTreeSet};

use danube_wasm_broker::{RegisteredSchema, SchemaRef};

use super::entry::Entry;

/// See the module. By subject and version.
#[derive(Debug, Default)]
pub(super) struct SchemaCache(BTreeMap<(String, u32), RegisteredSchema>);

/// An answer of the registry.
#[derive(Debug, Clone, Copy)]
pub(super) enum RegistryAnswer<'a> {
    /// This is the newest version of the subject; `None` if there is no such subject.
    Latest(&'a str, Option<&'a RegisteredSchema>),
    /// These are all versions of the subject.
    All(&'a str, &'a [RegisteredSchema]),
    /// This is one version of its subject.
    One(&'a RegisteredSchema),
}

impl SchemaCache {
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

    /// The entries to store for an answer; empty if it is known already.
    pub(super) fn changes(&self, answer: RegistryAnswer<'_>) -> Vec<Entry> {
        let (subject, new): (&str, &[RegisteredSchema]) = match answer {
            RegistryAnswer::Latest(subject, latest) => (subject, latest.map_or(&[], std::slice::from_ref)),
            RegistryAnswer::All(subject, all) => (subject, all),
            RegistryAnswer::One(schema) => (&schema.subject, std::slice::from_ref(schema)),
        };
        let before = self.versions(subject);
        let kept = before.iter().filter(|cache| answer.may_coexist_with(cache));
        let mut after: Vec<_> = kept.chain(new).cloned().collect();
        after.sort_by_key(|schema| schema.reference.version);
        let mut changes = self.renumbered(subject, new);
        if before.iter().all(|cache| after.contains(cache)) {
            after.retain(|schema| !before.contains(schema));
        } else {
            changes.push(Entry::Forget(subject.to_owned()));
        }
        changes.extend(after.into_iter().map(Entry::Schema));
        changes
    }

    /// The entries that fit, if at most `max` versions may be stored.
    pub(super) fn fitting(&self, mut changes: Vec<Entry>, max: usize) -> Vec<Entry> {
        let forgets = |subject: &str| changes.iter().any(|entry| *entry == Entry::Forget(subject.to_owned()));
        let stay = self.0.keys().filter(|(subject, _)| !forgets(subject)).count();
        let mut room = max.saturating_sub(stay);
        changes.retain(|entry| {
            let fits = room > 0 || matches!(entry, Entry::Forget(_));
            room -= usize::from(fits && matches!(entry, Entry::Schema(_)));
            fits
        });
        changes
    }

    /// Other subjects that had the ids of these: the registry was created anew.
    fn renumbered(&self, subject: &str, new: &[RegisteredSchema]) -> Vec<Entry> {
        let others = self.0.values().filter(|cache| cache.subject != subject);
        let taken = others.filter(|cache| new.iter().any(|schema| schema.reference.id == cache.reference.id));
        let subjects: BTreeSet<_> = taken.map(|cache| cache.subject.clone()).collect();
        subjects.into_iter().map(Entry::Forget).collect()
    }
}

impl RegistryAnswer<'_> {
    /// Whether a version that was known before may still exist.
    fn may_coexist_with(self, cache: &RegisteredSchema) -> bool {
        let at = cache.reference;
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

    fn remember(cache: &mut SchemaCache, answer: RegistryAnswer<'_>) -> usize {
        let changes = cache.changes(answer);
        let entries = changes.len();
        changes.into_iter().for_each(|entry| cache.apply(entry));
        assert!(cache.changes(answer).is_empty(), "said twice, learnt once");
        entries
    }

    #[test]
    fn versions_add_up() {
        let mut cache = SchemaCache::default();
        let (one, two) = (schema("a", 1, 1), schema("a", 1, 2));
        assert_eq!(remember(&mut cache, RegistryAnswer::Latest("a", Some(&one))), 1);
        assert_eq!(remember(&mut cache, RegistryAnswer::Latest("a", Some(&two))), 1);
        assert_eq!(remember(&mut cache, RegistryAnswer::One(&schema("b", 2, 7))), 1);
        assert_eq!(cache.versions("a"), [one.clone(), two]);
        assert_eq!(cache.find(one.reference), Some(one));
        assert_eq!(cache.find(SchemaRef { id: 1, version: 3 }), None);
    }

    #[test]
    fn what_the_registry_does_not_have_any_more_is_forgotten() {
        let mut cache = SchemaCache::default();
        let all = [schema("a", 1, 1), schema("a", 1, 2), schema("a", 1, 3)];
        remember(&mut cache, RegistryAnswer::All("a", &all));
        remember(&mut cache, RegistryAnswer::Latest("a", Some(&all[1])));
        assert_eq!(cache.versions("a"), all[..2]);
        remember(&mut cache, RegistryAnswer::All("a", &all[1..2]));
        assert_eq!(cache.versions("a"), all[1..2]);
        remember(&mut cache, RegistryAnswer::Latest("a", None));
        assert_eq!(cache.versions("a"), []);
    }

    #[test]
    fn no_more_versions_are_known_than_there_is_room_for() {
        let mut cache = SchemaCache::default();
        let all: Vec<_> = (1..=4).map(|version| schema("a", 1, version)).collect();
        remember(&mut cache, RegistryAnswer::All("a", &all[..2]));
        let changes = cache.changes(RegistryAnswer::All("a", &all));
        assert_eq!(cache.fitting(changes.clone(), 4), changes, "at the limit");
        assert_eq!(
            cache.fitting(changes, 3),
            [Entry::Schema(all[2].clone())],
            "one past it"
        );
        // What is replaced gives its room.
        let changes = cache.changes(RegistryAnswer::All("a", &all[2..]));
        assert_eq!(cache.fitting(changes.clone(), 2), changes);
        assert_eq!(changes.first(), Some(&Entry::Forget("a".to_owned())));
    }

    #[test]
    fn a_registry_that_was_made_anew_is_believed() {
        let mut cache = SchemaCache::default();
        remember(
            &mut cache,
            RegistryAnswer::All("a", &[schema("a", 1, 1), schema("a", 1, 2)]),
        );
        remember(&mut cache, RegistryAnswer::Latest("b", Some(&schema("b", 2, 1))));
        // Its numbers are given in another order now.
        let again = schema("a", 2, 1);
        remember(&mut cache, RegistryAnswer::One(&again));
        assert_eq!(cache.find(again.reference), Some(again.clone()));
        assert_eq!(cache.versions("a"), [again]);
        assert_eq!(cache.versions("b"), []);
    }
}
