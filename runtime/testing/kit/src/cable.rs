//! A connection that can be cut.

use std::sync::Arc;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Passes connections on to a port of loopback until it is cut.
pub struct Cable {
    /// Where it listens.
    pub port: u16,
    connections: Arc<tokio::sync::Mutex<JoinSet<()>>>,
    _accepting: JoinSet<()>,
}

impl Cable {
    /// A cable to this port.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let own = listener.local_addr().expect("its address").port();
        let connections = Arc::new(tokio::sync::Mutex::new(JoinSet::new()));
        let mut accepting = JoinSet::new();
        let passing = connections.clone();
        accepting.spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await else {
                    continue;
                };
                passing.lock().await.spawn(async move {
                    // However it ends.
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
        Self {
            port: own,
            connections,
            _accepting: accepting,
        }
    }

    /// Cuts the connections there are. What is on its way is lost.
    pub async fn cut(&self) {
        self.connections.lock().await.shutdown().await;
    }
}
