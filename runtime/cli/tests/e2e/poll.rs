//! The source `poll`: the real binary, its built-in component, and an API with a cursor.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use crate::{
    examples,
    harness::{Pipeline, cli},
    log::{once, records},
};

/// Orders of a page.
const PAGE: usize = 10;

/// An API on a free port of loopback, as `examples/poll-orders/api.py`. It ends with the test's process.
struct Api {
    host: String,
    orders: Arc<AtomicUsize>,
    /// The path and query of each request, and its credential.
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Api {
    fn start(orders: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let host = listener.local_addr().expect("an address").to_string();
        let (orders, asked) = (Arc::new(AtomicUsize::new(orders)), Arc::new(Mutex::default()));
        let (count, log) = (Arc::clone(&orders), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (count, log) = (Arc::clone(&count), Arc::clone(&log));
                // A client that was killed is no failure of the API.
                std::thread::spawn(move || serve(&stream.expect("a connection"), &count, &log));
            }
        });
        Self { host, orders, asked }
    }

    fn asked(&self) -> Vec<(String, String)> {
        self.asked.lock().expect("not poisoned").clone()
    }
}

/// Answers requests until the client goes away.
fn serve(stream: &TcpStream, orders: &AtomicUsize, asked: &Mutex<Vec<(String, String)>>) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    loop {
        let request = lines.next()?.ok()?;
        let head: Vec<_> = lines
            .by_ref()
            .map_while(Result::ok)
            .take_while(|line| !line.is_empty())
            .collect();
        let token = head
            .iter()
            .find_map(|line| line.strip_prefix("authorization: "))
            .unwrap_or_default();
        let path = request.split(' ').nth(1)?;
        asked.lock().ok()?.push((path.to_owned(), token.to_owned()));
        let (status, header, body) = match path {
            "/away" => (
                302,
                "location: http://169.254.169.254/latest/meta-data/\r\n",
                String::new(),
            ),
            _ => (200, "", page(path, orders.load(Relaxed))),
        };
        let answer = format!(
            "HTTP/1.1 {status} X\r\n{header}content-length: {}\r\n\r\n{body}",
            body.len()
        );
        (&mut &*stream).write_all(answer.as_bytes()).ok()?;
    }
}

fn page(path: &str, orders: usize) -> String {
    let begin = path
        .split_once("cursor=")
        .map_or(0, |(_, cursor)| cursor.parse().expect("a cursor of ours"));
    let end = orders.min(begin + PAGE);
    let items: Vec<_> = (begin + 1..=end).map(order).collect();
    let next = if end < orders {
        format!("\"{end}\"")
    } else {
        "null".to_owned()
    };
    format!("{{\"data\": [{}], \"next\": {next}}}", items.join(", "))
}

fn order(n: usize) -> String {
    format!("{{\"id\": {n}, \"customer\": \"c-{}\"}}", n % 3)
}

/// The example, with another API.
fn example() -> (tempfile::TempDir, PathBuf) {
    let dir = examples::copy("poll-orders");
    let file = dir.path().join("poll-orders/pipeline.toml");
    let text = std::fs::read_to_string(&file)
        .expect("the example")
        .replace("interval_ms = 2000", "interval_ms = 50");
    std::fs::write(&file, text).expect("the copy");
    (dir, file)
}

fn change(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).expect("the file");
    assert!(text.contains(from), "{text}");
    std::fs::write(file, text.replace(from, to)).expect("the file");
}

fn run(file: &Path, api: &Api) -> Pipeline {
    let env = [
        ("ORDERS_HOST", api.host.as_str()),
        ("ORDERS_TOKEN", "Bearer s3cret-token"),
    ];
    Pipeline::spawn_with(file, &env)
}

/// Events of which there are records in this process.
fn processed(pipeline: &Pipeline) -> u64 {
    let (_, metrics) = pipeline.admin("/metrics");
    let counted = |line: &&str| line.starts_with("danube_connector_messages_processed_total{");
    let values = metrics.lines().filter(counted);
    values
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum::<f64>() as u64
}

#[test]
fn kill_9_while_it_polls_loses_no_order_and_asks_on_from_what_is_durable() {
    let api = Api::start(0);
    let (_dir, file) = example();
    for run_number in 1..=4 {
        api.orders.store(400 * run_number, Relaxed);
        let pipeline = run(&file, &api);
        pipeline.until("some are handled", |p| p.log("running").is_some() && processed(p) >= 90);
        pipeline.kill();
    }
    let pipeline = run(&file, &api);
    // Twice: by the second time, what came the first time has been taken.
    let asks = |path: &str| api.asked().iter().filter(|(asked, _)| asked == path).count() >= 2;
    pipeline.until("the last page is asked for", |_| asks("/orders?cursor=1590"));
    // The last page grows: what is new behind it is fetched, and nothing twice.
    api.orders.store(1605, Relaxed);
    pipeline.until("the new ones are asked for", |_| asks("/orders?cursor=1600"));
    let answered = |p: &Pipeline| p.admin("/metrics").1.contains("outcome=\"answered\"");
    pipeline.until("it is counted", answered);
    pipeline.stop();

    let records = records(&file.with_file_name("data").join("log"), "/shop/orders");
    let once: Vec<_> = once(&records).into_iter().map(|record| record.text.clone()).collect();
    println!("{} records of {} orders", records.len(), once.len());
    let expected: Vec<_> = (1..=1605).map(order).collect();
    assert!(once == expected, "{} orders are {} records", expected.len(), once.len());
    assert!(
        records[0].id.ends_with(":1.0"),
        "the id is the order's: {}",
        records[0].id
    );
    assert!(api.asked().iter().all(|(_, token)| token == "Bearer s3cret-token"));
    let firsts = api.asked().iter().filter(|(path, _)| path == "/orders").count();
    assert!(
        firsts <= 2,
        "each start went on from what was durable, not from the beginning {firsts} times"
    );
}

/// All that is logged until the connector says that it cannot fetch. What the component itself says is without the values that its
/// settings have from the environment; the host's own warning has the host.
fn failure(file: &Path, api: &Api) -> String {
    let pipeline = run(file, api);
    pipeline.until("it says why it cannot fetch", |p| {
        p.log("cannot read from the upstream; trying again").is_some()
    });
    let said = pipeline.dump();
    pipeline.stop();
    said
}

#[test]
fn a_host_that_is_not_granted_a_redirect_to_metadata_and_a_name_for_loopback_are_denied() {
    let api = Api::start(5);
    let (_dir, file) = example();
    change(&file, "/orders\"", "/away\"");
    let said = failure(&file, &api);
    assert!(
        said.contains("`169.254.169.254` is not granted to this component, which may ask"),
        "{said}"
    );
    assert!(
        said.contains("to permit it, add `169.254.169.254` to `grants.http.hosts`"),
        "{said}"
    );

    let (_dir, file) = example();
    let granted = "hosts = [\"${ORDERS_HOST:-127.0.0.1:8095}\"]\nallow_networks = [\"127.0.0.1\"]";
    change(&file, granted, "hosts = [\"api.example.com\"]\nallow_networks = []");
    let said = failure(&file, &api);
    assert!(
        said.contains(&format!("`{}` is not granted to this component", api.host)),
        "{said}"
    );

    // Granted by a name, at an address that no grant of a host opens.
    let (_dir, file) = example();
    let port = api.host.rsplit(':').next().expect("a port");
    change(
        &file,
        granted,
        &format!("hosts = [\"localhost:{port}\"]\nallow_networks = []"),
    );
    change(
        &file,
        "http://${ORDERS_HOST:-127.0.0.1:8095}",
        &format!("http://localhost:{port}"),
    );
    change(&file, "headers = { authorization = \"secret:shop\" }", "headers = {}");
    let said = failure(&file, &api);
    assert!(said.contains("`localhost` may not be dialed: it is at"), "{said}");
    assert!(
        said.contains("loopback") && said.contains("`grants.http.allow_networks`"),
        "{said}"
    );
    assert!(api.asked().iter().all(|(path, _)| path == "/away"), "{:?}", api.asked());
}

#[test]
fn grants_are_shown_and_what_is_missing_or_over_the_operators_ceiling_is_said() {
    let check = |file: &Path| {
        let output = cli(["check", &file.display().to_string()]);
        format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    };
    let (_dir, file) = example();
    let said = check(&file);
    assert!(
        said.contains("granted log, metrics, clocks, random, state, http 127.0.0.1:8095"),
        "{said}"
    );

    let api = Api::start(5);
    let ceiling = [
        ("DANUBE_WASM_HTTP_HOSTS", "*.example.com"),
        ("ORDERS_HOST", api.host.as_str()),
    ];
    let mut pipeline = Pipeline::spawn_with(&file, &ceiling);
    assert!(!pipeline.wait().success());
    let said = pipeline.dump();
    assert!(
        said.contains("the operator of this process allows `*.example.com`"),
        "{said}"
    );

    let text = std::fs::read_to_string(&file).expect("the file");
    let (before, rest) = text.split_once("# What the component may reach").expect("the grants");
    let (_, after) = rest.split_once("[sources.config]").expect("the settings");
    std::fs::write(&file, format!("{before}[sources.config]{after}")).expect("the file");
    let said = check(&file);
    assert!(
        said.contains("components have no network of their own: name the hosts that it may ask"),
        "{said}"
    );
    assert!(api.asked().is_empty());
}
