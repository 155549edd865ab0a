//! A registry in the process: blobs and manifests in memory, as the distribution specification has them.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use parking_lot::Mutex;

#[derive(Default)]
struct Content {
    blobs: Mutex<BTreeMap<String, Bytes>>,
    manifests: Mutex<BTreeMap<String, Bytes>>,
    uploads: Mutex<BTreeMap<usize, Vec<u8>>>,
    requests: AtomicUsize,
    locked: Mutex<bool>,
}

/// A registry that runs until the test's runtime ends.
pub struct Registry {
    address: SocketAddr,
    content: Arc<Content>,
}

impl Registry {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let content = Arc::new(Content::default());
        let app = Router::new().fallback(answer).with_state(content.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, content }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn requests(&self) -> usize {
        self.content.requests.load(Ordering::Relaxed)
    }

    /// From now on every request needs a login.
    pub fn lock(&self) {
        *self.content.locked.lock() = true;
    }

    /// Changes a byte of all manifests or of all blobs, under the digests that they have.
    pub fn tamper(&self, what: &str) {
        let table = match what {
            "manifest" => &self.content.manifests,
            _ => &self.content.blobs,
        };
        for bytes in table.lock().values_mut() {
            let mut changed = bytes.to_vec();
            // A digit of JSON, or a byte of the component: the shape stays.
            let place = changed.iter().rposition(u8::is_ascii_hexdigit).expect("a digit");
            changed[place] = if changed[place] == b'a' { b'b' } else { b'a' };
            *bytes = changed.into();
        }
    }
}

async fn answer(State(content): State<Arc<Content>>, method: Method, uri: Uri, body: Bytes) -> Response {
    content.requests.fetch_add(1, Ordering::Relaxed);
    if *content.locked.lock() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let path = uri.path().to_owned();
    let Some((_, rest)) = path.split_once("/manifests/").or_else(|| path.split_once("/blobs/")) else {
        return StatusCode::OK.into_response();
    };
    match (method.as_str(), path.contains("/manifests/")) {
        ("PUT", true) => put_manifest(&content, rest, body),
        (_, true) => get(&content.manifests, rest),
        ("POST", false) => begin(&content, &path),
        ("PATCH", false) => append(&content, &path, rest, &body),
        ("PUT", false) => finish(&content, rest, uri.query().unwrap_or_default(), &body),
        (_, false) => get(&content.blobs, rest),
    }
}

fn put_manifest(content: &Content, name: &str, body: Bytes) -> Response {
    let digest = digest(&body);
    let mut manifests = content.manifests.lock();
    manifests.insert(name.to_owned(), body.clone());
    manifests.insert(digest.clone(), body);
    let location = format!("/v2/acme/orders/manifests/{digest}");
    (
        StatusCode::CREATED,
        [(header::LOCATION.as_str(), location), ("docker-content-digest", digest)],
    )
        .into_response()
}

fn get(table: &Mutex<BTreeMap<String, Bytes>>, name: &str) -> Response {
    match table.lock().get(name) {
        Some(bytes) => {
            let kind = "application/vnd.oci.image.manifest.v1+json";
            (StatusCode::OK, [(header::CONTENT_TYPE, kind)], bytes.clone()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn begin(content: &Content, path: &str) -> Response {
    let mut uploads = content.uploads.lock();
    let number = uploads.len();
    uploads.insert(number, Vec::new());
    let location = format!("{}/{number}", path.trim_end_matches('/'));
    (StatusCode::ACCEPTED, [(header::LOCATION, location)]).into_response()
}

fn append(content: &Content, path: &str, rest: &str, body: &[u8]) -> Response {
    let mut uploads = content.uploads.lock();
    let upload = uploads.get_mut(&number(rest)).expect("an upload that was begun");
    upload.extend_from_slice(body);
    let range = format!("0-{}", upload.len().saturating_sub(1));
    (
        StatusCode::ACCEPTED,
        [(header::LOCATION, path.to_owned()), (header::RANGE, range)],
    )
        .into_response()
}

fn finish(content: &Content, rest: &str, query: &str, body: &[u8]) -> Response {
    let mut upload = content
        .uploads
        .lock()
        .remove(&number(rest))
        .expect("an upload that was begun");
    upload.extend_from_slice(body);
    let claimed = query
        .rsplit_once("digest=")
        .map(|(_, digest)| digest.replace("%3A", ":"))
        .unwrap_or_default();
    let digest = digest(&upload);
    if claimed != digest {
        return StatusCode::BAD_REQUEST.into_response();
    }
    content.blobs.lock().insert(digest.clone(), upload.into());
    (
        StatusCode::CREATED,
        [(header::LOCATION, format!("/v2/acme/orders/blobs/{digest}"))],
    )
        .into_response()
}

fn number(rest: &str) -> usize {
    rest.rsplit('/')
        .next()
        .and_then(|number| number.parse().ok())
        .expect("an upload's number")
}

fn digest(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(bytes)))
}
