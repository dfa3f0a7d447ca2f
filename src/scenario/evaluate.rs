//! Asks an expectation of a finished run's summary. Floats serve here: nothing in a run depends on
//! the answer.

use serde_json::Value;

use super::expectation::{Expectation, Function, Op, Operand, Path};
use super::fields::{Dimension, Source};
use crate::base::units::Rate;

/// The answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// The expectation as written.
    pub that: String,
    /// Whether it held.
    pub met: bool,
    /// What its left side was.
    pub value: String,
}

/// One value of a side.
#[derive(Clone, PartialEq, Debug)]
enum Found {
    Number(f64),
    Text(String),
    Bool(bool),
    /// The summary has none: a flow that never ended has no duration.
    Nothing,
}

impl Expectation {
    /// The answer, from a run's summary.
    pub fn evaluate(&self, summary: &Value) -> Outcome {
        let (left, right) = (values(&self.left, summary), values(&self.right, summary));
        let count = if left.is_empty() || right.is_empty() { 0 } else { left.len().max(right.len()) };
        let pairs = (0..count).filter_map(|i| {
            let at = |side: &[Found]| if side.len() == 1 { side.first().cloned() } else { side.get(i).cloned() };
            at(&left).zip(at(&right))
        });
        let paired = left.len() == right.len() || left.len() == 1 || right.len() == 1;
        let wrong = pairs.into_iter().find(|(a, b)| !holds(a, self.op, b));
        let dimension = self.left.dimension();
        let value = match (&wrong, left.as_slice()) {
            (_, []) => "nothing matches".to_string(),
            (Some((a, _)), many) if many.len() > 1 => format!("{} (one of {})", print(a, dimension), many.len()),
            (_, [one]) => print(one, dimension),
            (_, many) => range(many, dimension),
        };
        Outcome { that: self.that.clone(), met: count > 0 && paired && wrong.is_none(), value }
    }
}

fn holds(a: &Found, op: Op, b: &Found) -> bool {
    match (a, b) {
        (Found::Number(a), Found::Number(b)) => match op {
            Op::Equal => a == b,
            Op::NotEqual => a != b,
            Op::LessOrEqual => a <= b,
            Op::GreaterOrEqual => a >= b,
            Op::Less => a < b,
            Op::Greater => a > b,
        },
        (Found::Nothing, _) | (_, Found::Nothing) => false,
        _ => (a == b) == (op == Op::Equal),
    }
}

fn values(operand: &Operand, summary: &Value) -> Vec<Found> {
    match operand {
        Operand::Number(n, _) => vec![Found::Number(*n)],
        Operand::Text(text) => vec![Found::Text(text.clone())],
        Operand::Bool(b) => vec![Found::Bool(*b)],
        Operand::Path(path) => of(path, summary),
        Operand::Call(function, path) => vec![fold(*function, &of(path, summary))],
        Operand::Plus(terms) => terms.iter().map(|term| values(term, summary)).reduce(add).unwrap_or_default(),
    }
}

/// Adds two sides element by element; one value is added to each of many. What does not pair is nothing.
fn add(a: Vec<Found>, b: Vec<Found>) -> Vec<Found> {
    let count = if a.is_empty() || b.is_empty() { 0 } else { a.len().max(b.len()) };
    let at = |side: &[Found], i: usize| side.get(if side.len() == 1 { 0 } else { i }).cloned();
    let sum = |i: usize| match (at(&a, i), at(&b, i)) {
        (Some(Found::Number(a)), Some(Found::Number(b))) => Found::Number(a + b),
        _ => Found::Nothing,
    };
    (0..count).map(sum).collect()
}

/// The values that a path means.
fn of(path: &Path, summary: &Value) -> Vec<Found> {
    if path.collection.list.is_empty() {
        return vec![field(path, summary)];
    }
    let elements = summary.get(path.collection.list).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let chosen: Vec<&Value> = match &path.selector {
        None => elements.iter().collect(),
        Some((selector, _)) => select(path, selector, elements),
    };
    let done = |e: &&&Value| complete(path.collection.name, e);
    let number = |n: usize| vec![Found::Number(n as f64)];
    match path.field.source {
        Source::Count => number(chosen.len()),
        Source::Completed => number(chosen.iter().filter(done).count()),
        Source::Failed => number(chosen.len() - chosen.iter().filter(done).count()),
        _ => chosen.into_iter().map(|e| field(path, e)).collect(),
    }
}

/// The elements that `name`, `name/direction` or `name#nth` means; `*` stands for anything.
fn select<'a>(path: &Path, selector: &str, elements: &'a [Value]) -> Vec<&'a Value> {
    let name = |e: &Value| e.get(path.collection.selected_by).and_then(Value::as_str).unwrap_or_default().to_string();
    if path.collection.name == "link"
        && let Some((link, direction)) = selector.rsplit_once('/')
    {
        let this_way = |e: &&Value| e.get("direction").and_then(Value::as_str) == Some(direction);
        return elements.iter().filter(this_way).filter(|e| glob(link, &name(e))).collect();
    }
    if path.collection.name != "flow"
        && let Some((node, nth)) = selector.rsplit_once('#')
        && let Ok(nth) = nth.parse::<usize>()
    {
        // The nth of each node, counted from 1.
        let mut seen: std::collections::BTreeMap<String, usize> = Default::default();
        return elements
            .iter()
            .filter(|e| {
                let name = name(e);
                let count = seen.entry(name.clone()).or_default();
                *count += 1;
                *count == nth && glob(node, &name)
            })
            .collect();
    }
    elements.iter().filter(|e| glob(selector, &name(e))).collect()
}

/// Whether a name fits a pattern in which `*` stands for any text.
pub(super) fn glob(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn complete(collection: &str, element: &Value) -> bool {
    let is_there = |key: &str| element.get(key).is_some_and(|v| !v.is_null());
    match collection {
        "fetch" => {
            let good = element.get("status").and_then(Value::as_u64).is_some_and(|s| (200..300).contains(&s));
            good && element.get("intact").and_then(Value::as_bool) == Some(true) && !is_there("error")
        }
        _ => is_there("end_s"),
    }
}

fn field(path: &Path, element: &Value) -> Found {
    let number = |key: &str| element.get(key).and_then(Value::as_f64);
    match path.field.source {
        Source::Span => match (number("start_s"), number("end_s")) {
            (Some(start), Some(end)) => Found::Number(end - start),
            _ => Found::Nothing,
        },
        Source::Length(key) => match element.get(key).and_then(Value::as_array) {
            Some(list) => Found::Number(list.len() as f64),
            None => Found::Nothing,
        },
        Source::Key(key) => match element.get(key) {
            Some(Value::Number(n)) => n.as_f64().map_or(Found::Nothing, Found::Number),
            Some(Value::String(text)) => Found::Text(text.clone()),
            Some(Value::Bool(b)) => Found::Bool(*b),
            _ => Found::Nothing,
        },
        Source::Count | Source::Completed | Source::Failed => Found::Nothing,
    }
}

fn fold(function: Function, found: &[Found]) -> Found {
    let numbers: Vec<f64> =
        found.iter().filter_map(|f| if let Found::Number(n) = f { Some(*n) } else { None }).collect();
    let sum: f64 = numbers.iter().sum();
    if function == Function::Count {
        return Found::Number(found.iter().filter(|f| **f != Found::Nothing).count() as f64);
    }
    // A value that is missing must not make a mean or a minimum look better.
    if found.is_empty() || numbers.len() < found.len() {
        return Found::Nothing;
    }
    Found::Number(match function {
        Function::Sum => sum,
        Function::Min => numbers.iter().copied().fold(f64::INFINITY, f64::min),
        Function::Max => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Function::Mean => sum / numbers.len() as f64,
        Function::Jain => {
            let squares: f64 = numbers.iter().map(|n| n * n).sum();
            if squares == 0.0 { 1.0 } else { sum * sum / (numbers.len() as f64 * squares) }
        }
        Function::Count => return Found::Nothing,
    })
}

fn print(found: &Found, dimension: Dimension) -> String {
    match (found, dimension) {
        (Found::Nothing, _) => "nothing".into(),
        (Found::Text(text), _) => text.clone(),
        (Found::Bool(b), _) => b.to_string(),
        (Found::Number(n), Dimension::Time) => format!("{} s", rounded(*n)),
        (Found::Number(n), Dimension::Rate) if n.fract() == 0.0 && (1.0..1e18).contains(n) => {
            Rate(*n as u64).to_string()
        }
        (Found::Number(n), Dimension::Rate) => format!("{} bit/s", rounded(*n)),
        (Found::Number(n), Dimension::Size) => format!("{} B", rounded(*n)),
        (Found::Number(n), _) => rounded(*n),
    }
}

/// Nanosecond precision without the noise of binary fractions: `4.7`, not `4.699999999999999`.
fn rounded(n: f64) -> String {
    let text = format!("{n:.9}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

fn range(many: &[Found], dimension: Dimension) -> String {
    let (low, high) = (fold(Function::Min, many), fold(Function::Max, many));
    match (&low, &high) {
        (Found::Number(_), Found::Number(_)) => {
            format!("{} to {} ({} values)", print(&low, dimension), print(&high, dimension), many.len())
        }
        _ => format!("{} values", many.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn summary() -> Value {
        json!({
            "digest": "abc", "virtual_s": 4.71, "events": 31240,
            "flows": [
                { "name": "bulk[0]", "congestion": "reno", "goodput_bps": 8_000_000, "start_s": 0.2, "end_s": 4.7 },
                { "name": "bulk[1]", "congestion": "reno", "goodput_bps": 2_000_000, "start_s": 0.0, "end_s": null },
            ],
            "fetches": [
                { "node": "phone", "status": 200, "intact": true, "start_s": 0.0, "end_s": 4.7, "redirects": ["x"] },
                { "node": "phone", "status": 404, "intact": false, "start_s": 1.0, "end_s": 1.5, "redirects": [] },
            ],
            "links": [
                { "name": "a--b", "direction": "forward", "sent": 5, "dropped_loss": 3, "in_transit": 2, "utilisation": 0.1 },
                { "name": "a--b", "direction": "reverse", "sent": 2, "dropped_loss": 0, "in_transit": 2, "utilisation": 0.9 },
            ],
            "leases": [],
        })
    }

    fn ask(that: &str) -> (bool, String) {
        let outcome = Expectation::parse(that).unwrap_or_else(|e| panic!("{that}: {e:?}")).evaluate(&summary());
        (outcome.met, outcome.value)
    }

    #[test]
    fn expectations_are_answered() {
        let yes = |that: &str, value: &str| assert_eq!(ask(that), (true, value.to_string()), "{that}");
        let no = |that: &str, value: &str| assert_eq!(ask(that), (false, value.to_string()), "{that}");
        yes("fetch.completed == 1", "1");
        yes("fetch.failed == 1", "1");
        yes("fetch[phone#1].duration <= 20 s", "4.7 s");
        yes("fetch[phone#2].duration_s == 500 ms", "0.5 s");
        yes("fetch[phone].duration < 5 s", "0.5 s to 4.7 s (2 values)");
        no("fetch.status == 200", "404 (one of 2)");
        no("fetch[tablet].duration < 5 s", "nothing matches");
        yes("link[a--b/forward].dropped_loss == 3", "3");
        yes("link[*/reverse].utilisation >= 90 %", "0.9");
        yes("sum(flow[bulk[*]].goodput) == 10 Mbit/s", "10 Mbit/s");
        yes("min(flow.goodput_bps) >= 2 Mbit/s", "2 Mbit/s");
        yes("jain(flow.goodput) > 0.7", "0.735294118");
        yes("mean(flow.goodput) == 5 Mbit/s", "5 Mbit/s");
        yes("count(flow.duration) == 1", "1");
        yes("flow.completed == 1", "1");
        no("flow.duration < 10 s", "nothing (one of 2)");
        no("max(flow.duration) < 10 s", "nothing");
        yes("flow[bulk[0]].goodput > flow[bulk[1]].goodput", "8 Mbit/s");
        yes("flow.congestion == 'reno'", "2 values");
        yes("digest != 'x'", "abc");
        yes("virtual_s <= 5 s", "4.71 s");
        yes("lease.count == 0", "0");
        yes("link.sent == link.dropped_loss + link.in_transit", "2 to 5 (2 values)");
        no("link.sent == link.dropped_loss + 1", "5 (one of 2)");
        yes("fetch.completed + fetch.failed == fetch.count", "2");
    }

    #[test]
    fn mistakes_are_found_before_the_run() {
        let help = |that: &str| Expectation::parse(that).unwrap_err().help;
        assert_eq!(help("fetch.completd == 1"), "did you mean `completed`?");
        assert_eq!(help("fecth.completed == 1"), "did you mean `fetch`?");
        assert_eq!(help("fetch.duration <= 20"), "write a duration such as 20 s");
        assert!(help("flow.goodput >= 1 MBps").contains("multiply by eight"));
        assert_eq!(help("flow.goodput + flow.bytes == 1 MB"), "add numbers of one kind");
        for that in [
            "",
            "link.sent == link.delivered +",
            "fetch",
            "fetch.",
            "fetch[",
            "fetch.count = 1",
            "fetch.count == ",
            "1 == 1 x",
            "sum(flow.name) == 1",
            "é",
        ] {
            assert!(Expectation::parse(that).is_err(), "{that}");
        }
    }

    #[test]
    fn stars_stand_for_anything() {
        assert!(glob("*", "") && glob("a*c*e", "abcde") && glob("bulk[*]", "bulk[17]"));
        assert!(!glob("a*a", "a") && !glob("ab", "abc") && !glob("a*c", "abd"));
    }
}
