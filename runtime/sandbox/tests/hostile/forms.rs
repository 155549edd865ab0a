//! The texts of `guests/hostile/`: top-level forms, and forms that stand for many.

/// The top-level forms of a text: `(…)` each, without what stands between them.
pub fn forms(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('(') {
        let end = start + closing(&rest[start..]);
        found.push(&rest[start..end]);
        rest = &rest[end..];
    }
    found
}

/// The text with `(repeat N …)` replaced by N copies of what is in it, in each `{i}` by its number and `{next}` by one
/// more.
pub fn expand(text: &str) -> String {
    const REPEAT: &str = "(repeat ";
    let Some(start) = text.find(REPEAT) else {
        return text.to_owned();
    };
    let end = start + closing(&text[start..]);
    let inner = &text[start + REPEAT.len()..end - 1];
    let (times, body) = inner.split_once(char::is_whitespace).expect("a number and a body");
    let times: u32 = times.parse().expect("how many times");
    let mut out = text[..start].to_owned();
    for i in 0..times {
        out += &body
            .replace("{i}", &i.to_string())
            .replace("{next}", &(i + 1).to_string());
        out.push('\n');
    }
    out + &expand(&text[end..])
}

/// The text without its comments, which reach from `;;` to the end of their line.
pub fn without_comments(text: &str) -> String {
    let code = |line: &str| line.split(";;").next().unwrap_or_default().to_owned();
    text.lines().map(code).collect::<Vec<_>>().join("\n")
}

/// Where the form ends that a text begins with.
fn closing(text: &str) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    panic!("a form does not end: {}", &text[..text.len().min(60)]);
}
