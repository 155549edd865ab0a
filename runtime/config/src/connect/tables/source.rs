//! Tables of a webhook source.

use super::{
    super::keys::{
        Effect::Never,
        How::{Integer, Same, Secs, Separate},
        OldKey, OldTable,
    },
    RATE_LIMIT,
};

pub(in super::super) static SERVER: OldTable = OldTable::one(
    &["server"],
    "sources.webhook",
    "The HTTP listener.",
    &[HOST, PORT, TIMEOUT, BODY, TLS_CERT, TLS_KEY],
);

pub(in super::super) static WEBHOOK: OldTable = OldTable::one(
    &["webhook"],
    "sources.webhook",
    "The HTTP listener, as the announcement of Danube Connect spells it.",
    &[HOST, PORT, TIMEOUT, BODY, TLS_CERT, TLS_KEY, INNER_ENDPOINTS],
);

const HOST: OldKey = OldKey::same(&["host"]).variable("SERVER_HOST").default("\"0.0.0.0\"");
const PORT: OldKey = OldKey::new(&["port"], "port", Integer(0..=65535))
    .variable("SERVER_PORT")
    .default("8080");
const TIMEOUT: OldKey = OldKey::new(&["timeout_seconds"], "request_deadline_ms", Secs)
    .default("30")
    .note("`body_timeout_ms` is two thirds of it where that is less than its default.");
const BODY: OldKey = OldKey::new(&["max_body_size"], "max_body_bytes", Same).example("1048576");
const INNER_ENDPOINTS: OldKey = OldKey::new(&["endpoints"], "endpoints", Separate);
const TLS_CERT: OldKey = OldKey::ignored(&["tls_cert_path"], Never, TLS);
const TLS_KEY: OldKey = OldKey::ignored(&["tls_key_path"], Never, TLS);
const TLS: &str =
    "in a pipeline file, give [sources.webhook] `tls = { cert_path = \"…\", key_path = \"…\" }` to serve HTTPS";

pub(in super::super) static ENDPOINTS: OldTable = OldTable::many(
    &["webhook.endpoints", "endpoints", "routes"],
    "sources.webhook.endpoints",
    "A path that events are posted to, and the topic that their records go to.",
    &[
        OldKey::new(&["path", "from"], "path", Same).required("\"/webhooks/stripe/payments\""),
        OldKey::new(&["danube_topic", "to"], "danube_topic", Same).required("\"/stripe/payments\""),
        OldKey::same(&["partitions"]),
        OldKey::same(&["reliable_dispatch"]).default("false"),
        RATE_LIMIT,
    ],
);

pub(in super::super) static AUTH: OldTable = OldTable::one(
    &["auth"],
    "sources.webhook.endpoints.auth",
    "Who may post to any endpoint. Danube Connect let every request in with `hmac`; here signatures are checked.",
    &[
        OldKey::new(&["type"], "type", Separate)
            .required("\"apikey\"")
            .note("`none`, `apikey` (here `api_key`), `hmac` or `jwt`."),
        OldKey::new(&["secret_env"], "secrets", Separate).note("`\"X\"` becomes `[\"${X}\"]`."),
        OldKey::new(&["header"], "header", Separate).note(
            "Of `hmac`, `Stripe-Signature` or `X-Hub-Signature-256`, which becomes `form`. Without effect with `jwt`.",
        ),
        OldKey::new(&["algorithm"], "", Separate).note("Of `hmac`: `sha256` and no other. Elsewhere without effect."),
        OldKey::new(&["public_key_path"], "public_key_files", Separate)
            .note("Of `jwt` without `secret_env`. Danube Connect never used it."),
    ],
);
