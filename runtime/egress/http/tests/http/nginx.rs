//! nginx at the other end: HTTP/2, client certificates, connections that it ends, and its own pages.

use std::{collections::BTreeSet, path::PathBuf};

use danube_wasm_egress_dial::Dialer;
use danube_wasm_egress_http::HttpEgress;
use danube_wasm_test_certs::{Authority, write_pem};
use danube_wasm_testkit::{
    servers::{Server, free_port, program},
    until,
};

use crate::support::{finish, inserts, later, one, read, report, sink, try_write, unfit};

/// nginx with TLS, HTTP/2, a certificate asked of clients, and a log of what came.
struct Nginx {
    _process: Server,
    dir: tempfile::TempDir,
    port: u16,
}

const CONFIGURATION: &str = r#"
daemon off; master_process off; pid DIR/nginx.pid; error_log DIR/error.log;
events { worker_connections 64; }
http {
  log_format seen '$server_protocol $ssl_client_verify $request_method $request_uri $http_webhook_id $status';
  access_log DIR/access.log seen;
  client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/fastcgi;
  uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;
  client_max_body_size 64k; keepalive_requests 3;
  server {
    listen 127.0.0.1:PORT ssl http2;
    ssl_certificate DIR/server.pem; ssl_certificate_key DIR/server.key;
    ssl_client_certificate DIR/clients.pem; ssl_verify_client on;
    location /taken { return 204; }
    location /moved { return 301 https://localhost:PORT/taken; }
    location /page { alias DIR/pages/; }
  }
}
"#;

impl Nginx {
    async fn start(ca: &Authority, clients: &Authority) -> Option<Self> {
        let mut command = program("nginx")?;
        let dir = tempfile::tempdir().expect("a directory");
        let identity = ca.issue(&["localhost"]);
        let files = [
            ("server.pem", &identity.cert),
            ("server.key", &identity.key),
            ("clients.pem", &clients.pem()),
        ];
        for (name, pem) in files {
            write_pem(dir.path(), name, pem);
        }
        std::fs::create_dir(dir.path().join("pages")).expect("a folder");
        std::fs::write(dir.path().join("pages/maintenance.html"), "<html>Back soon</html>").expect("a page");
        let port = free_port();
        let text = CONFIGURATION
            .replace("DIR", &dir.path().display().to_string())
            .replace("PORT", &port.to_string());
        let configuration = dir.path().join("nginx.conf");
        std::fs::write(&configuration, text).expect("its file");
        command.arg("-p").arg(dir.path()).arg("-c").arg(configuration);
        command.arg("-e").arg(dir.path().join("error.log"));
        let mut process = Server::start(&mut command);
        until("nginx listens", || {
            assert!(process.is_running(), "nginx has ended");
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        })
        .await;
        Some(Self {
            _process: process,
            dir,
            port,
        })
    }

    /// A sink with a certificate of `clients`.
    fn sink(&self, ca: &Authority, clients: &Authority, path: &str, keys: &str) -> HttpEgress {
        let folder: PathBuf = self.dir.path().join("sink");
        std::fs::create_dir_all(&folder).expect("a folder");
        write_pem(&folder, "ca.pem", &ca.pem());
        clients.issue(&["danube"]).write(&folder, "client");
        let tls = "tls = { ca_file = \"ca.pem\", cert_file = \"client.pem\", key_file = \"client-key.pem\" }";
        let text = one(
            &format!("https://localhost:{}{path}", self.port),
            &format!("{tls}\n{keys}"),
        );
        let config = read(&folder, &text).unwrap_or_else(|wrong| panic!("{wrong}"));
        HttpEgress::new(&config, &Dialer::new(config.guard.policy())).expect("it opens")
    }

    async fn lines(&self, count: usize) -> Vec<String> {
        let path = self.dir.path().join("access.log");
        until("nginx has written its log", || {
            let log = std::fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<_> = log.lines().map(str::to_owned).collect();
            (lines.len() >= count).then_some(lines)
        })
        .await
    }
}

#[tokio::test]
async fn nginx_takes_records_over_http2_with_a_client_certificate_and_closes_connections_meanwhile() {
    let (ca, clients) = (Authority::new(), Authority::new());
    let Some(nginx) = Nginx::start(&ca, &clients).await else {
        return;
    };
    let sink = nginx.sink(&ca, &clients, "/taken", "");
    // It ends each connection after three requests.
    assert!(finish(&sink, inserts(50)).await.is_empty());
    let lines = nginx.lines(50).await;
    assert!(
        lines
            .iter()
            .all(|line| line.starts_with("HTTP/2.0 SUCCESS POST /taken msg_")),
        "{lines:?}"
    );
    let taken: BTreeSet<_> = lines.iter().filter(|line| line.ends_with(" 204")).collect();
    assert_eq!(taken.len(), 50);
}

#[tokio::test]
async fn nginx_refuses_by_size_and_redirects_and_neither_loses_a_record() {
    let (ca, clients) = (Authority::new(), Authority::new());
    let Some(nginx) = Nginx::start(&ca, &clients).await else {
        return;
    };
    let moved = nginx.sink(&ca, &clients, "/moved", "");
    let message = unfit(try_write(&moved, &inserts(1)).await);
    assert!(message.contains("301") && message.contains("not followed"), "{message}");
    // A 413 of the proxy in front halves the request, and what is too large alone is refused.
    let sink = nginx.sink(&ca, &clients, "/taken", "batch = \"array\"");
    let mut writes = inserts(5);
    let large = |bytes: usize| format!("{{\"text\":\"{}\"}}", "x".repeat(bytes)).into();
    writes.iter_mut().for_each(|write| write.body = large(20_000));
    writes[2].body = large(70_000);
    let report = report(&sink, &writes).await;
    let places: Vec<_> = report.refused.iter().map(|(place, _)| *place).collect();
    assert_eq!((places, report.later.len()), (vec![2], 0), "{report:?}");
}

/// A POST to a file is answered 405: only who knows that this is maintenance can have records wait for its end.
#[tokio::test]
async fn a_405_of_nginx_for_a_page_refuses_records_and_lets_them_wait_where_the_file_says_so() {
    let (ca, clients) = (Authority::new(), Authority::new());
    let Some(nginx) = Nginx::start(&ca, &clients).await else {
        return;
    };
    let path = "/page/maintenance.html";
    let refused = report(&nginx.sink(&ca, &clients, path, ""), &inserts(3)).await.refused;
    assert!(
        refused.len() == 3 && refused.iter().all(|(_, why)| why.contains("405")),
        "{refused:?}"
    );
    let waiting = report(&nginx.sink(&ca, &clients, path, "retry_statuses = [405]"), &inserts(3)).await;
    assert_eq!(waiting.refused, []);
    assert!(later(&waiting).0.contains("405"), "{waiting:?}");
}

/// Otherwise each record would be refused for a mistake of the file.
#[tokio::test]
async fn a_400_of_nginx_for_the_connection_holds_the_endpoint() {
    let (ca, clients) = (Authority::new(), Authority::new());
    let Some(nginx) = Nginx::start(&ca, &clients).await else {
        return;
    };
    let other = nginx.sink(&ca, &Authority::new(), "/taken", "");
    let message = unfit(try_write(&other, &inserts(1)).await);
    assert!(message.contains("400") && message.contains("`tls`"), "{message}");
    let plain = sink(&one(&format!("http://localhost:{}/taken", nginx.port), ""));
    let message = unfit(try_write(&plain, &inserts(1)).await);
    assert!(
        message.contains("400") && message.contains("write `https://`"),
        "{message}"
    );
}
