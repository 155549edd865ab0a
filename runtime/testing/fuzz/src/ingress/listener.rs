//! One listener for the life of the process, and a client that sends one input.
//!
//! Time is paused by the runtime: it advances to the next deadline only when no task can run. So a connection with an
//! incomplete request ends at once, as it would after the listener's timeout.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use danube_wasm_ingress_http::{
    ApiKey, Auth, ContentKind, Endpoint, EndpointOptions, EventIdSource, HttpListener, Jwt, ListenerOptions, Secret,
    Secrets, Signature,
};
use danube_wasm_model::{
    door::{Intake, Outcome},
    event::Event,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::{Builder, Runtime},
};

use super::{KEY, OPEN, SECRET, SIGNED, TOKEN};

/// Longer than any timeout of the listener.
const DEADLINE: Duration = Duration::from_secs(600);
/// How often and how long a client waits before it hangs up: after each wait it looks for answers again.
const IDLE_CHECKS: (u32, Duration) = (50, Duration::from_millis(10));

/// The events that the listener passes on for a connection with the bytes `sent`.
pub(super) fn events_of(sent: &[u8]) -> Vec<Event> {
    static LISTENER: OnceLock<TestListener> = OnceLock::new();
    let listener = LISTENER.get_or_init(TestListener::open);
    // One connection at a time: every event is of this one.
    let mut lock = listener.lock();
    lock.clear();
    drop(lock);
    listener.runtime.block_on(async {
        let talked = tokio::time::timeout(DEADLINE, exchange(listener, sent)).await;
        // The listener may hang up after nonsense.
        let _ = talked.expect("the listener ends every connection");
    });
    std::mem::take(&mut *listener.lock())
}

async fn exchange(listener: &TestListener, sent: &[u8]) -> io::Result<()> {
    let mut client = TcpStream::connect(listener.listener.local_addr()).await?;
    let (mut read, mut write) = client.split();
    let say = async {
        write.write_all(sent).await?;
        for _ in 0..IDLE_CHECKS.0 {
            tokio::time::sleep(IDLE_CHECKS.1).await;
        }
        write.shutdown().await
    };
    let mut heard = Vec::new();
    let (_, listened) = tokio::join!(say, read.read_to_end(&mut heard));
    listened.map(drop)
}

struct TestListener {
    runtime: Runtime,
    listener: HttpListener,
    inbox: Arc<Inbox>,
}

#[derive(Default)]
struct Inbox(Mutex<Vec<Event>>);

#[async_trait]
impl Intake for Inbox {
    async fn offer(&self, event: Event) -> Outcome {
        let id = event.id.clone();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        Outcome::Accepted {
            id,
            records: 1,
            durable: true,
            answer: None,
        }
    }
}

impl TestListener {
    fn open() -> Self {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build();
        let runtime = runtime.expect("a runtime");
        let options = ListenerOptions::new(([127, 0, 0, 1], 0).into());
        let listener = runtime.block_on(HttpListener::bind(options)).expect("a free port");
        let inbox = Arc::new(Inbox::default());
        listener.set_routes(endpoints(&inbox)).expect("four endpoints");
        Self {
            runtime,
            listener,
            inbox,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        self.inbox.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn endpoints(inbox: &Arc<Inbox>) -> Vec<Arc<Endpoint>> {
    let secrets = Secrets::try_new(vec![Secret::try_new(SECRET).expect("a secret")]).expect("one secret");
    let mut open = EndpointOptions::new(OPEN);
    open.content = ContentKind::Any.into();
    open.methods.push("GET".parse().expect("a method"));
    let mut key = EndpointOptions::new(KEY);
    key.auth = Auth::ApiKey(ApiKey::new(&secrets));
    key.event_id = EventIdSource::JsonPointer("/data/0/id".parse().expect("a pointer"));
    let mut signed = EndpointOptions::new(SIGNED);
    signed.auth = Signature::preset("github", &secrets).expect("a sender").into();
    let mut token = EndpointOptions::new(TOKEN);
    token.auth = Auth::Jwt(Jwt::try_hs256(&secrets).expect("long enough"));
    let options = [open, key, signed, token].into_iter();
    let endpoints = options.map(|options| Endpoint::try_new(options, inbox.clone()).expect("an endpoint"));
    endpoints.map(Arc::new).collect()
}
