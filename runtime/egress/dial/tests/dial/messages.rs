//! Error messages: what happened, where, and what to do.

use danube_wasm_egress_dial::{DialError, DialPolicy, Dialer, PolicyKeys};

use crate::support::dns::ScriptedResolver;

async fn refusal(policy: DialPolicy, host: &str, addresses: &[&str]) -> DialError {
    let dns = ScriptedResolver::default().answering(host, addresses);
    let dialer = Dialer::with_resolver(policy, dns);
    dialer.resolve(host, 80).await.expect_err("a refusal")
}

#[tokio::test]
async fn a_refusal_names_host_address_network_and_key() {
    let error = refusal(DialPolicy::public_only(), "shop.example", &["10.0.0.7"]).await;
    assert_eq!(
        error.to_string(),
        "`shop.example` may not be dialed: it is at 10.0.0.7 (private network 10.0.0.0/8); to permit it, add `10.0.0.7` \
         to `allow_networks`"
    );
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_refusal_for_an_embedded_address_names_both() {
    let error = refusal(DialPolicy::public_only(), "shop.example", &["64:ff9b::10.0.0.7"]).await;
    assert_eq!(
        error.to_string(),
        "`shop.example` may not be dialed: it is at 64:ff9b::a00:7 (reaches 10.0.0.7: private network 10.0.0.0/8); to \
         permit it, add `10.0.0.7` to `allow_networks`"
    );
}

#[tokio::test]
async fn a_refusal_of_a_metadata_service_says_how_to_name_it() {
    let keys = PolicyKeys {
        allow: "[egress] allow".to_owned(),
        deny: "[egress] deny".to_owned(),
    };
    let policy = DialPolicy::everything_but_metadata().with_keys(keys);
    let error = refusal(policy, "169.254.169.254", &[]).await;
    assert_eq!(
        error.to_string(),
        "`169.254.169.254` may not be dialed: it is at 169.254.169.254 (cloud metadata service: AWS, Google, Azure and \
         others); to permit it, add `169.254.169.254` itself to `[egress] allow`, where a network around it is not enough"
    );
}

#[tokio::test]
async fn a_refusal_by_the_operator_names_the_other_key() {
    let policy = DialPolicy::everything().with_denied("10.0.0.0/8".parse().unwrap());
    let error = refusal(policy, "shop.example", &["10.0.0.7"]).await;
    assert_eq!(
        error.to_string(),
        "`shop.example` may not be dialed: it is at 10.0.0.7 (in 10.0.0.0/8, which the operator denies); to permit it, \
         narrow 10.0.0.0/8 in `deny_networks`"
    );
}

#[tokio::test]
async fn the_message_about_a_long_answer_is_short() {
    let many: Vec<String> = (0..100).map(|last| format!("10.0.0.{last}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let error = refusal(DialPolicy::public_only(), "shop.example", &many)
        .await
        .to_string();
    assert!(
        error.contains("10.0.0.3 (private network 10.0.0.0/8) and 96 more;"),
        "{error}"
    );
    assert!(!error.contains("10.0.0.4"), "{error}");
}

#[tokio::test]
async fn an_invalid_host_is_an_error_that_shows_the_valid_forms() {
    for host in ["", "https://shop.example", "shop.example:80", "a b", "fe80::1%eth0"] {
        let error = refusal(DialPolicy::everything(), host, &[]).await;
        assert!(matches!(error, DialError::InvalidHost { .. }), "{host}: {error}");
        assert!(error.to_string().contains("without scheme and port"), "{error}");
    }
}
