//! The page of an app store at `/`, for people with a browser: what there is, how large it is, and who
//! keeps it. It lists what the scenario names, never a folder, and needs no script and no other file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;

use super::source::Source;
use crate::proto::http::url::encode_path;

/// Files of storage nodes, by node and name, with their lengths where these are known here.
pub type Shelves = BTreeMap<String, BTreeMap<String, Option<u64>>>;

/// A file on the page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line {
    /// Its name.
    pub(super) name: String,
    /// Its length, if known.
    pub(super) bytes: Option<u64>,
    /// The nodes that keep it.
    pub(super) keepers: Vec<Arc<str>>,
}

/// Which names are sent where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Rule {
    /// The pattern.
    pub(super) glob: String,
    /// The servers.
    pub(super) to: Vec<Arc<str>>,
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1d232e;--soft:#5c6675;--line:#dfe3e8;--page:#f6f7f9;--card:#fff;--link:#1857b8}\
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa4b2;--line:#343b46;--page:#14171c;--card:#1d2229;--link:#8ab4f8}}\
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}\
main{max-width:46rem;margin:3rem auto;padding:0 1rem}\
h1{font-size:1.7rem;margin:0}h2{font-size:1.1rem;margin:2.2rem 0 .6rem}p{color:var(--soft);margin:.3rem 0 1.4rem}\
table{width:100%;border-collapse:collapse;background:var(--card);border:1px solid var(--line);border-radius:.5rem;\
overflow:hidden}\
th,td{padding:.55rem .9rem;text-align:left;border-bottom:1px solid var(--line);overflow-wrap:anywhere}\
tr:last-child td{border-bottom:0}th{font-size:.8rem;color:var(--soft);font-weight:600}\
.size{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}code{font-family:ui-monospace,monospace}";

/// The page.
pub(super) fn page(store: &str, policy: &str, lines: &[Line], rules: &[Rule]) -> Bytes {
    let title = escape(store);
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
    );
    let known: u64 = lines.iter().filter_map(|line| line.bytes).sum();
    let files = if lines.len() == 1 { "file" } else { "files" };
    // Writing to a string cannot fail.
    let _ = writeln!(html, "<p>{} {files}, {}</p>", lines.len(), size(known));
    if !lines.is_empty() {
        html.push_str(
            "<table>\n<thead><tr><th>File</th><th class=\"size\">Size</th><th>Kept by</th></tr></thead>\n<tbody>\n",
        );
        for Line { name, bytes, keepers } in lines {
            let bytes = bytes.map_or_else(|| "unknown".to_owned(), size);
            let _ = writeln!(
                html,
                "<tr><td><a href=\"{}\">{}</a></td><td class=\"size\">{bytes}</td><td>{}</td></tr>",
                encode_path(name),
                escape(name),
                names(keepers)
            );
        }
        html.push_str("</tbody>\n</table>\n");
    }
    if !rules.is_empty() {
        let _ = writeln!(
            html,
            "<h2>Where names lead</h2>\n<p>What is not kept here is at another server, to which this one redirects \
             (301, policy {}).</p>\n<table>\n<thead><tr><th>Names</th><th>Servers</th></tr></thead>\n<tbody>",
            escape(policy)
        );
        for Rule { glob, to } in rules {
            let _ = writeln!(html, "<tr><td><code>{}</code></td><td>{}</td></tr>", escape(glob), names(to));
        }
        html.push_str("</tbody>\n</table>\n");
    }
    html.push_str("</main>\n</body>\n</html>\n");
    Bytes::from(html)
}

fn names(nodes: &[Arc<str>]) -> String {
    nodes.iter().map(|node| escape(node)).collect::<Vec<_>>().join(", ")
}

/// A length for people, rounded to tenths: `94.8 kB`.
fn size(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    let Some((unit, name)) = units.into_iter().find(|(unit, _)| bytes >= *unit) else { return format!("{bytes} B") };
    let tenths = (u128::from(bytes) * 10 + u128::from(unit) / 2) / u128::from(unit);
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

/// Text as it must stand in HTML.
fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
        out
    })
}

/// Bytes in memory.
#[derive(Debug)]
pub(super) struct Held(pub(super) Bytes);

impl Source for Held {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&self, offset: u64, count: usize) -> Bytes {
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len());
        self.0.slice(from..self.0.len().min(from.saturating_add(count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_opened_tag_is_closed_and_no_name_is_markup() {
        let evil = "a\"><script>alert('1')</script>&.mp4";
        let line = Line { name: evil.to_owned(), bytes: Some(94_840), keepers: vec!["<s>".into(), "t".into()] };
        let rule = Rule { glob: "*.<b>".to_owned(), to: vec!["s".into()] };
        let page = page("a & b", "by-type", &[line], &[rule]);
        let text = std::str::from_utf8(&page).unwrap();
        assert!(text.contains("94.8 kB") && text.contains("a &amp; b") && text.contains("&lt;s&gt;, t"));
        assert!(text.contains("/a%22%3E%3Cscript%3Ealert%28%271%27%29%3C/script%3E%26.mp4"));
        let mut open = Vec::new();
        for tag in text.split('<').skip(1) {
            let name: String = tag.chars().take_while(|c| !matches!(c, ' ' | '>')).collect();
            match name.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop().as_deref(), Some(closed)),
                None if ["!doctype", "meta", "link"].contains(&name.as_str()) => {}
                None => open.push(name),
            }
        }
        assert_eq!(open, [""; 0]);
        assert!(!text.contains("<script") && !text.contains("<b>"));
    }

    #[test]
    fn sizes_are_rounded_for_people() {
        for (bytes, told) in [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (95_049, "95.0 kB"), (5_250_000, "5.3 MB")]
        {
            assert_eq!(size(bytes), told);
        }
    }
}
