//! Which addresses are dialed.

use crate::support::{configuration, inserts, sink, text, try_write};

#[tokio::test]
async fn an_address_that_is_not_allowed_is_not_dialed() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let sink = sink(&text(
            &format!("http://{host}:{port}"),
            "c",
            "networks = \"public\"",
            "create = \"never\"",
        ));
        let message = configuration(try_write(&sink, &inserts("c", 1)).await);
        assert!(message.contains("`allow_networks`"), "{host}: {message}");
    }
    let dialed = futures_util::FutureExt::now_or_never(listener.accept());
    assert!(dialed.is_none());
}

#[tokio::test]
async fn where_clouds_hand_out_credentials_is_never_dialed() {
    let sink = sink(&text("http://169.254.169.254", "c", "", "create = \"never\""));
    let message = configuration(try_write(&sink, &inserts("c", 1)).await);
    assert!(message.contains("metadata"), "{message}");
}
