//! An API to try the connector with: GET /orders?after=ID&limit=N gives orders behind an id.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
};

const ORDERS: usize = 25;

fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:8095")?;
    println!("http://127.0.0.1:8095/orders");
    for stream in listener.incoming() {
        let stream = stream?;
        // Who hangs up in the middle is none of its business.
        std::thread::spawn(move || answer(stream));
    }
    Ok(())
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let lines = BufReader::new(stream.try_clone()?).lines();
    let head: Vec<_> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let is_known = head.iter().any(|line| line.eq_ignore_ascii_case("authorization: Bearer example"));
    let (status, body) = match head.first() {
        Some(asked) if is_known => ("200 OK", page(asked)),
        _ => ("401 Unauthorized", r#"{"error": "who are you?"}"#.to_owned()),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn page(asked: &str) -> String {
    let number = |name: &str| {
        let text = asked.split(&['?', '&', ' ']).find_map(|part| part.strip_prefix(name));
        text.and_then(|text| text.parse::<usize>().ok()).unwrap_or(0)
    };
    let (after, limit) = (number("after="), number("limit="));
    let orders = (after + 1..=ORDERS).take(limit);
    let orders: Vec<_> = orders
        .map(|n| format!(r#"{{"id": {n}, "customer": "c-{}", "total": {}}}"#, n % 3, n * 10))
        .collect();
    format!(r#"{{"orders": [{}], "more": {}}}"#, orders.join(", "), after + limit < ORDERS)
}
