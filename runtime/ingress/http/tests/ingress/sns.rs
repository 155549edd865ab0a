//! Amazon SNS: its certificate comes from a server of the test, and so does the confirmation of a subscription.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use danube_wasm_egress_dial::{DialPolicy, Dialer, TlsSettings};
use danube_wasm_ingress_http::{
    Auth, Fetcher, Sns, SnsOptions,
    policy::{Handshake, RequestPolicy},
};
use serde_json::{Value, json};

use crate::{
    support::Server,
    web::{Page, Web},
};

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:orders";

/// What Amazon has: a key, and a web server with its certificate.
struct Amazon {
    key: RsaKeyPair,
    web: Web,
    confirmed: Arc<AtomicUsize>,
}

impl Amazon {
    async fn start() -> Self {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&key).unwrap();
        let pkcs8 = rustls_pki_types::PrivatePkcs8KeyDer::from(der.as_ref().to_vec());
        let pair = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, &rcgen::PKCS_RSA_SHA256).unwrap();
        let params = rcgen::CertificateParams::new(["sns.amazonaws.com".to_owned()]).unwrap();
        let pem = params.self_signed(&pair).unwrap().pem();
        let confirmed = Arc::new(AtomicUsize::new(0));
        let counted = confirmed.clone();
        let web = Web::start(move |path| match path {
            "/SimpleNotificationService-1.pem" => Page::ok(pem.clone()),
            path if path.starts_with("/?Action=ConfirmSubscription") => {
                counted.fetch_add(1, SeqCst);
                Page::ok("<ConfirmSubscriptionResponse/>")
            }
            _ => Page::status(404),
        })
        .await;
        assert!(!key.public_key().as_ref().is_empty());
        Self { key, web, confirmed }
    }

    async fn server(&self) -> Server {
        let options = SnsOptions {
            topics: vec![TOPIC.to_owned()],
            hosts: vec![self.web.authority()],
        };
        let tls = TlsSettings {
            ca_pem: Some(fs::read(self.web.ca_path()).unwrap()),
            ..TlsSettings::default()
        };
        let fetcher = Fetcher::try_new(Dialer::new(DialPolicy::everything_but_metadata()), &tls).unwrap();
        let sns = Sns::new(options, fetcher);
        Server::start(|endpoint| {
            endpoint.auth = Auth::Sns(Box::new(sns));
            endpoint.policy = RequestPolicy {
                handshake: Some(Handshake::Sns),
                ..RequestPolicy::default()
            };
        })
        .await
    }

    fn message(&self, kind: &str) -> Value {
        let mut message = json!({
            "Type": kind,
            "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": TOPIC,
            "Subject": "My First Message",
            "Message": "Hello\nworld!",
            "Timestamp": "2012-05-02T00:54:06.655Z",
            "SignatureVersion": "2",
            "SigningCertURL": format!("https://{}/SimpleNotificationService-1.pem", self.web.authority()),
        });
        if kind != "Notification" {
            message["Token"] = "2336412f37".into();
            message["SubscribeURL"] = format!(
                "https://{}/?Action=ConfirmSubscription&Token=2336412f37",
                self.web.authority()
            )
            .into();
        }
        message
    }

    /// As Amazon's documentation says, written anew.
    fn sign(&self, message: &mut Value) {
        let names: &[&str] = match message["Type"].as_str() {
            Some("Notification") => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
            _ => &[
                "Message",
                "MessageId",
                "SubscribeURL",
                "Timestamp",
                "Token",
                "TopicArn",
                "Type",
            ],
        };
        let lines = names
            .iter()
            .filter_map(|name| Some(format!("{name}\n{}\n", message[*name].as_str()?)));
        let text: String = lines.collect();
        let mut signature = vec![0; self.key.public_modulus_len()];
        let signed = self
            .key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature);
        signed.unwrap();
        message["Signature"] = BASE64_STANDARD.encode(signature).into();
    }

    fn signed(&self, kind: &str, change: impl FnOnce(&mut Value)) -> Value {
        let mut message = self.message(kind);
        change(&mut message);
        self.sign(&mut message);
        message
    }
}

async fn post(server: &Server, message: &Value) -> u16 {
    server
        .post(&["content-type: application/json"], message.to_string())
        .await
        .status
}

#[tokio::test]
async fn a_subscription_is_confirmed_once_its_message_is_known_to_be_amazons() {
    let amazon = Amazon::start().await;
    let server = amazon.server().await;
    let asked = amazon.signed("SubscriptionConfirmation", |_| {});
    let mut forged = asked.clone();
    forged["SubscribeURL"] = format!(
        "https://{}/?Action=ConfirmSubscription&Token=other",
        amazon.web.authority()
    )
    .into();
    assert_eq!(post(&server, &forged).await, 401);
    let elsewhere = amazon.signed("SubscriptionConfirmation", |message| {
        message["SubscribeURL"] = "https://169.254.169.254/latest/meta-data".into();
    });
    assert_eq!(post(&server, &elsewhere).await, 503, "signed, but not at Amazon");
    assert_eq!(amazon.confirmed.load(SeqCst), 0);
    assert_eq!(post(&server, &asked).await, 200);
    assert_eq!(amazon.confirmed.load(SeqCst), 1);
    assert_eq!(
        post(&server, &amazon.signed("UnsubscribeConfirmation", |_| {})).await,
        200
    );
    assert_eq!(server.inbox.count(), 0, "no event comes of them");
}

/// Amazon's default is the first; a subscription can ask for any.
#[tokio::test]
async fn a_message_is_a_document_whatever_it_is_called() {
    let amazon = Amazon::start().await;
    let server = amazon.server().await;
    let message = amazon.signed("Notification", |_| {}).to_string();
    for kind in ["text/plain; charset=UTF-8", "application/json", "application/xml"] {
        let answer = server.post(&[&format!("content-type: {kind}")], &message).await;
        assert_eq!(answer.status, 200, "{kind}");
    }
    assert_eq!(server.post(&[], &message).await.status, 200);
    for event in server.inbox.events() {
        assert_eq!(
            (event.content_type.as_str(), &event.payload),
            ("application/json", &message.clone().into())
        );
    }
    assert_eq!(server.inbox.count(), 4);
}

#[tokio::test]
async fn messages_of_the_topic_are_events_and_others_are_not() {
    let amazon = Amazon::start().await;
    let server = amazon.server().await;
    let message = amazon.signed("Notification", |_| {});
    assert_eq!(post(&server, &message).await, 200);
    let without_subject = amazon.signed("Notification", |message| {
        message.as_object_mut().unwrap().remove("Subject");
    });
    assert_eq!(post(&server, &without_subject).await, 200);
    assert_eq!(server.inbox.count(), 2);

    let wrong = |name: &str, value: &str| {
        let mut message = message.clone();
        message[name] = value.into();
        message
    };
    for (name, value, status) in [
        ("Message", "Hello\nWorld!", 401),
        ("MessageId", "other", 401),
        ("Signature", "", 401),
        ("SignatureVersion", "1", 401),
        ("SignatureVersion", "3", 401),
        ("Type", "SubscriptionConfirmation", 401),
        ("SigningCertURL", "https://evil.example/x.pem", 401),
        ("SigningCertURL", "http://sns.eu-west-1.amazonaws.com/x.pem", 401),
    ] {
        assert_eq!(post(&server, &wrong(name, value)).await, status, "{name} {value}");
    }
    let other_topic = amazon.signed("Notification", |message| {
        message["TopicArn"] = "arn:aws:sns:eu-west-1:1:mine".into()
    });
    assert_eq!(
        post(&server, &other_topic).await,
        403,
        "signed by Amazon for somebody else"
    );
    let gone = amazon.signed("Notification", |message| {
        message["SigningCertURL"] = format!("https://{}/gone.pem", amazon.web.authority()).into();
    });
    assert_eq!(post(&server, &gone).await, 503);
    assert_eq!(server.post(&[], "[]").await.status, 401);
    let twice = message.to_string().replacen('{', r#"{"Message":"first","#, 1);
    assert_eq!(server.post(&[], twice).await.status, 401, "a field that is there twice");
    assert_eq!(server.inbox.count(), 2);
}
