//! Declarations while the registry is out of reach: what is declared as it was last seen goes on, all else waits.

mod support;

use std::{sync::Arc, sync::atomic::Ordering};

use danube_wasm_broker::Registry;
use danube_wasm_schema::{Confirmation, Declaration, Declared, SchemaError, SchemaType, Schemas, VersionStrategy};
use support::{InMemory, declaration};

const ONE: &str = r#"{"type":"integer"}"#;
const ONE_SPACED: &str = "{ \"type\" : \"integer\" }\n";
const TWO: &str = r#"{"type":"number"}"#;
const OTHER: &str = r#"{"type":"string"}"#;
const LATEST: VersionStrategy = VersionStrategy::Latest;

/// A registry, what was seen of it, and schemas over both.
struct Site {
    registry: Arc<InMemory>,
    schemas: Schemas,
}

impl Site {
    /// With the versions of these texts, of which the first `seen` were seen.
    async fn new(texts: &[&str], seen: usize) -> Self {
        let (registry, last_seen) = (Arc::new(InMemory::default()), Arc::new(InMemory::default()));
        for (i, text) in texts.iter().enumerate() {
            register(&registry, text).await;
            if i < seen {
                register(&last_seen, text).await;
            }
        }
        // It answers at once, and registers nothing.
        let last_seen = Arc::new(support::Frozen(last_seen));
        let schemas = Schemas::new(registry.clone()).remembering(registry.clone(), last_seen);
        Self { registry, schemas }
    }

    fn away(&self, is_away: bool) {
        self.registry.away.store(is_away, Ordering::Relaxed);
    }

    async fn declare(&self, text: Option<&str>, version: VersionStrategy) -> Result<Declared, SchemaError> {
        self.schemas.declare_or_recall(json(text, version)).await
    }
}

async fn register(registry: &InMemory, text: &str) {
    let registered = registry.register("test-subject", "json_schema", text).await;
    registered.expect("registers");
}

fn json(text: Option<&str>, version: VersionStrategy) -> Declaration {
    Declaration {
        version,
        ..declaration(SchemaType::JsonSchema, text)
    }
}

#[tokio::test]
async fn a_schema_declared_as_it_was_last_seen_goes_on_and_is_enforced() {
    let site = Site::new(&[ONE, TWO], 2).await;
    site.away(true);
    for (text, version, means) in [
        (Some(TWO), LATEST, 2),
        (None, LATEST, 2),
        (Some(ONE), VersionStrategy::Pinned(1), 1),
        (Some(ONE_SPACED), VersionStrategy::Pinned(1), 1),
        (None, VersionStrategy::Pinned(2), 2),
        (Some(TWO), VersionStrategy::Minimum(2), 2),
    ] {
        let declared = site.declare(text, version).await.expect("recalled");
        assert_eq!(declared.validator.reference().version, means, "{text:?} {version:?}");
        let recalled = declared.recalled.expect("from memory");
        assert_eq!((recalled.subject(), recalled.version()), ("test-subject", means));
        assert!(recalled.why().contains("out of reach"), "{recalled:?}");
        assert!(declared.validator.check(b"1.5").is_ok() == (means == 2));
        assert!(declared.validator.check(b"\"text\"").is_err());
    }
}

#[tokio::test]
async fn what_only_the_registry_can_say_waits_and_says_what_to_do() {
    let site = Site::new(&[ONE, TWO], 1).await;
    site.away(true);
    for (text, version) in [
        (Some(TWO), LATEST),
        (Some(OTHER), LATEST),
        (Some(TWO), VersionStrategy::Pinned(1)),
        (None, VersionStrategy::Pinned(2)),
        (None, VersionStrategy::Minimum(2)),
    ] {
        let error = site.declare(text, version).await.expect_err("waits");
        assert!(error.is_transient(), "{text:?} {version:?}: {error}");
        assert!(error.to_string().contains("go back to the schema as it was"), "{error}");
    }
    let never_seen = Site::new(&[ONE], 0).await;
    never_seen.away(true);
    let error = never_seen.declare(Some(ONE), LATEST).await.expect_err("waits");
    assert!(error.is_transient(), "{error}");
}

#[tokio::test]
async fn a_registry_in_reach_has_the_say() {
    let site = Site::new(&[ONE, TWO], 1).await;
    let declared = site.declare(None, LATEST).await.expect("there");
    assert_eq!(declared.validator.reference().version, 2);
    assert!(declared.recalled.is_none());
    let refused = Declaration {
        auto_register: false,
        ..json(Some(ONE), LATEST)
    };
    let refused = site.schemas.declare_or_recall(refused).await.expect_err("refused");
    assert!(
        matches!(refused, SchemaError::Declaration { .. }),
        "seen as ONE, and TWO by now: {refused}"
    );
}

#[tokio::test]
async fn without_a_memory_the_registry_is_needed_as_ever() {
    let registry = Arc::new(InMemory::default());
    register(&registry, ONE).await;
    let schemas = Schemas::new(registry.clone());
    let declared = schemas.declare_or_recall(json(Some(ONE), LATEST)).await.expect("there");
    assert!(declared.recalled.is_none());
    registry.away.store(true, Ordering::Relaxed);
    let error = schemas
        .declare_or_recall(json(Some(ONE), LATEST))
        .await
        .expect_err("away");
    assert!(
        error.is_transient() && !error.to_string().contains("go back"),
        "{error}"
    );
}

#[tokio::test]
async fn the_registry_is_asked_again_when_it_is_back() {
    let site = Site::new(&[ONE], 1).await;
    site.away(true);
    let recalled = site
        .declare(None, LATEST)
        .await
        .expect("recalled")
        .recalled
        .expect("so");
    let away = site.schemas.confirm(&recalled).await.expect_err("away");
    assert!(away.is_transient());

    site.away(false);
    let confirm = || site.schemas.confirm(&recalled);
    assert_eq!(confirm().await.expect("there"), Confirmation::Same);
    register(&site.registry, TWO).await;
    let two = site
        .registry
        .latest("test-subject")
        .await
        .expect("there")
        .expect("there");
    assert_eq!(confirm().await.expect("there"), Confirmation::Moved(two.reference));

    // A registry that was made anew: other subjects have been there before.
    site.registry.clear();
    site.registry
        .register("another", "string", "")
        .await
        .expect("registers");
    register(&site.registry, ONE).await;
    let anew = site
        .registry
        .latest("test-subject")
        .await
        .expect("there")
        .expect("there");
    assert_ne!(anew.reference, danube_wasm_broker::SchemaRef { id: 1, version: 1 });
    assert_eq!(confirm().await.expect("there"), Confirmation::Replaced(anew.reference));
}

#[tokio::test]
async fn what_the_registry_would_refuse_by_now_is_said_when_it_is_back() {
    let site = Site::new(&[ONE], 1).await;
    site.away(true);
    let declared = Declaration {
        auto_register: false,
        ..json(Some(ONE), LATEST)
    };
    let declared = site.schemas.declare_or_recall(declared).await.expect("recalled");
    site.away(false);
    register(&site.registry, TWO).await;
    let refused = site
        .schemas
        .confirm(&declared.recalled.expect("so"))
        .await
        .expect_err("refused");
    assert!(
        !refused.is_transient() && refused.to_string().contains("differs from the newest"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_registry_that_is_wiped_gets_the_declared_schema_again() {
    let site = Site::new(&[ONE], 1).await;
    site.away(true);
    let recalled = site
        .declare(Some(ONE), LATEST)
        .await
        .expect("recalled")
        .recalled
        .expect("so");
    site.away(false);
    site.registry.clear();
    assert_eq!(
        site.schemas.confirm(&recalled).await.expect("registered"),
        Confirmation::Same,
        "it has its number again"
    );
    assert_eq!(site.registry.versions("test-subject").await.expect("there").len(), 1);
}

#[tokio::test]
async fn a_message_is_decoded_by_a_version_that_was_seen_before() {
    let site = Site::new(&[ONE, TWO], 1).await;
    let reference = |version| danube_wasm_broker::SchemaRef { id: 1, version };
    site.away(true);
    let seen = site.schemas.by_reference(reference(1)).await.expect("seen");
    assert_eq!(&*seen.label(), "test-subject@1");
    let unseen = site.schemas.by_reference(reference(2)).await.expect_err("not seen");
    assert!(unseen.is_transient(), "{unseen}");
    site.away(false);
    assert_eq!(
        &*site.schemas.by_reference(reference(2)).await.expect("there").label(),
        "test-subject@2"
    );
}

/// A version never changes: that it was seen is enough, whatever permission was taken away since.
#[tokio::test]
async fn a_message_is_decoded_by_a_version_that_was_seen_before_a_permission_was_taken_away() {
    let last_seen = Arc::new(InMemory::default());
    register(&last_seen, ONE).await;
    let denies = Arc::new(support::Denies);
    let schemas = Schemas::new(denies.clone()).remembering(denies, last_seen);
    let reference = |version| danube_wasm_broker::SchemaRef { id: 1, version };
    let seen = schemas.by_reference(reference(1)).await.expect("seen");
    assert_eq!(&*seen.label(), "test-subject@1");
    let unseen = schemas.by_reference(reference(2)).await.expect_err("not seen");
    assert!(
        !unseen.is_about_the_schema(),
        "nobody knows about the message: {unseen}"
    );
}

/// Slow is out of reach, where there is something to go on with.
#[tokio::test(start_paused = true)]
async fn a_registry_that_does_not_answer_holds_up_nothing_that_was_seen() {
    let (last_seen, silent) = (Arc::new(InMemory::default()), Arc::new(support::Silent));
    register(&last_seen, ONE).await;
    let schemas = Schemas::new(silent.clone()).remembering(silent, Arc::new(support::Frozen(last_seen)));
    let declared = schemas
        .declare_or_recall(json(Some(ONE), LATEST))
        .await
        .expect("recalled");
    assert!(declared.recalled.expect("so").why().contains("did not answer"));
    let reference = declared.validator.reference();
    assert!(schemas.by_reference(reference).await.is_ok());
}
