//! Components through a registry that runs in the test.

mod support;

use danube_wasm_oci::{ComponentStore, Reference, RegistryError, parse, push, resolve};
use support::Registry;

const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0 what a component begins with";
const BYTES_MAX: usize = 1 << 20;

async fn pushed(registry: &Registry) -> Reference {
    let tagged = parse(&format!("oci://{}/acme/orders:1.2.0", registry.address())).expect("a reference");
    push(&tagged, COMPONENT.to_vec()).await.expect("a push")
}

fn store(folder: &tempfile::TempDir) -> ComponentStore {
    ComponentStore::new(folder.path().join("components"), BYTES_MAX)
}

#[tokio::test]
async fn what_was_pushed_comes_back_by_its_digest_and_once() {
    let registry = Registry::start().await;
    let pinned = pushed(&registry).await;
    let tagged = parse(&format!("oci://{}/acme/orders:1.2.0", registry.address())).expect("a reference");
    assert_eq!(resolve(&tagged).await.expect("a digest").digest(), pinned.digest());

    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(store(&folder).get(&pinned).await.expect("the component"), COMPONENT);
    let asked = registry.requests();
    assert_eq!(store(&folder).get(&pinned).await.expect("the component"), COMPONENT);
    assert_eq!(registry.requests(), asked, "what is kept is not asked for again");
}

#[tokio::test]
async fn a_kept_component_that_was_changed_is_pulled_again() {
    let registry = Registry::start().await;
    let pinned = pushed(&registry).await;
    let folder = tempfile::tempdir().expect("a folder");
    store(&folder).get(&pinned).await.expect("the component");
    let digest = pinned.digest().expect("a digest").replace(':', "-");
    let kept = folder.path().join("components").join(digest).join("component.wasm");
    std::fs::write(&kept, b"something else").expect("a file");
    assert_eq!(store(&folder).get(&pinned).await.expect("the component"), COMPONENT);
    assert_eq!(std::fs::read(&kept).expect("a file"), COMPONENT);
}

#[tokio::test]
async fn a_registry_that_gives_other_bytes_is_refused() {
    for what in ["manifest", "layer"] {
        let registry = Registry::start().await;
        let pinned = pushed(&registry).await;
        registry.tamper(what);
        let folder = tempfile::tempdir().expect("a folder");
        let refused = store(&folder).get(&pinned).await.expect_err("other bytes");
        assert!(
            matches!(refused, RegistryError::WrongDigest { .. }),
            "{what}: {refused}"
        );
        assert!(refused.to_string().contains("nothing of it was used"), "{refused}");
        assert!(
            !folder.path().join("components").exists()
                || std::fs::read_dir(folder.path().join("components"))
                    .expect("a folder")
                    .count()
                    == 0
        );
    }
}

#[tokio::test]
async fn a_tag_alone_a_missing_one_and_one_that_is_no_component_say_what_to_do() {
    let registry = Registry::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let at = |rest: &str| parse(&format!("oci://{}/{rest}", registry.address())).expect("a reference");
    let tag = store(&folder).get(&at("acme/orders:1")).await.expect_err("a tag");
    assert!(
        tag.to_string().contains("names no digest") && tag.to_string().contains("danube-wasm pull"),
        "{tag}"
    );
    let nowhere = at(&format!("acme/none@sha256:{}", "0".repeat(64)));
    let missing = store(&folder).get(&nowhere).await.expect_err("nothing");
    assert!(matches!(missing, RegistryError::NotFound(_)), "{missing:?}");

    let small = ComponentStore::new(folder.path().join("small"), 3);
    let large = small.get(&pushed(&registry).await).await.expect_err("too large");
    assert!(large.to_string().contains("over the limit of 3"), "{large}");
}

#[tokio::test]
async fn a_registry_that_asks_for_a_login_and_one_that_is_not_there_are_told_apart() {
    let registry = Registry::start().await;
    let pinned = pushed(&registry).await;
    registry.lock();
    let folder = tempfile::tempdir().expect("a folder");
    let locked = store(&folder).get(&pinned).await.expect_err("a login");
    assert!(locked.to_string().contains("docker login"), "{locked}");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    drop(taken);
    let nobody = parse(&format!("oci://127.0.0.1:{port}/acme/orders@sha256:{}", "0".repeat(64))).expect("a reference");
    let away = store(&folder).get(&nobody).await.expect_err("nobody");
    assert!(matches!(away, RegistryError::Unreachable { .. }), "{away:?}");
}

#[test]
fn what_is_no_reference_says_why() {
    for (text, why) in [
        ("ghcr.io/acme/orders", "does not begin with"),
        ("oci://ghcr.io/acme/orders@sha256:12", ""),
        ("oci://", ""),
    ] {
        let wrong = parse(text).expect_err(text).to_string();
        assert!(
            wrong.contains(why) && wrong.contains("oci://REGISTRY/REPOSITORY@sha256:DIGEST"),
            "{wrong}"
        );
    }
}
