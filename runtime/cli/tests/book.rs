//! The pages of `docs/` are a book: each is in its table of contents, and each link leads somewhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    here.canonicalize().expect("the repository")
}

/// The files with this ending under a folder.
fn files(folder: &Path, ending: &str) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|e| e == ending) {
            found.insert(path);
        }
    }
    found
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The lines that are no code.
fn prose(text: &str) -> Vec<&str> {
    let mut in_code = false;
    let lines = text.lines().filter(|line| {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            return false;
        }
        !in_code
    });
    lines.collect()
}

/// The targets of links and pictures, outside of code.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(text) {
        // What stands between single backticks is code.
        let outside: String = line.split('`').step_by(2).collect::<Vec<_>>().join("x");
        let mut rest = outside.as_str();
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            let end = rest.find(')').unwrap_or(rest.len());
            found.push(rest[..end].to_owned());
        }
    }
    found
}

/// The anchors of a page's headings, as forges make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    let headings = prose(text).into_iter().filter(|line| line.starts_with('#'));
    let slugs = headings.map(|line| {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>()
    });
    let numbered = slugs.map(|slug| {
        let before = times.entry(slug.clone()).or_default();
        *before += 1;
        match *before {
            1 => slug,
            n => format!("{slug}-{}", n - 1),
        }
    });
    numbered.collect()
}

#[test]
fn each_page_is_in_the_table_of_contents_once() {
    let docs = root().join("docs");
    let summary = docs.join("SUMMARY.md");
    let mut listed = BTreeSet::new();
    for link in links(&read(&summary)) {
        assert!(listed.insert(docs.join(&link)), "docs/SUMMARY.md has {link} twice");
    }
    let mut pages = files(&docs, "md");
    pages.remove(&summary);
    let missing: Vec<_> = pages.difference(&listed).collect();
    assert!(missing.is_empty(), "add to docs/SUMMARY.md: {missing:#?}");
    let gone: Vec<_> = listed.difference(&pages).collect();
    assert!(
        gone.is_empty(),
        "docs/SUMMARY.md has pages that are not there: {gone:#?}"
    );
}

#[test]
fn each_link_of_the_pages_leads_somewhere() {
    let root = root();
    let mut pages: Vec<_> = files(&root.join("docs"), "md").into_iter().collect();
    pages.extend(["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(|name| root.join(name)));
    let mut broken = Vec::new();
    for page in pages {
        let folder = page.parent().expect("a folder");
        for link in links(&read(&page)) {
            if link.starts_with("https://") || link.starts_with("http://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path.is_empty() {
                true => page.clone(),
                false => folder.join(path),
            };
            let is_there = target.exists();
            let has_anchor = || anchor.is_empty() || anchors(&read(&target)).contains(anchor);
            let is_page = target.extension().is_some_and(|e| e == "md");
            if !is_there || (is_page && !has_anchor()) {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere: {broken:#?}");
}

#[test]
fn links_and_anchors_are_found_as_a_forge_finds_them() {
    let text = "# A `key`, twice\n## Same\n## Same\nsee [one](a.md#b) and `[no](code.md)`, ![two](p.svg)\n```\n[no](x.md)\n# no\n```\n";
    assert_eq!(links(text), ["a.md#b", "p.svg"]);
    let expected = ["a-key-twice", "same", "same-1"].map(str::to_owned);
    assert_eq!(anchors(text), BTreeSet::from(expected));
}
