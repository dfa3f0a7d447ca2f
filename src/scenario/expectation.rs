//! Expectations: `fetch[phone].duration <= 20 s`. Its grammar and its parts.
//!
//! `COLLECTION[SELECTOR].FIELD OP VALUE`, either side also `sum(...)`, `min(...)`, `max(...)`,
//! `mean(...)`, `count(...)` or `jain(...)` of such a path, or several of them with `+` between. Without a selector, or when several
//! elements match, the comparison must hold for every one of them.

use std::ops::Range;

use super::fields::{Collection, Dimension, Field, RUN, collection};
use super::nearest::nearest;
use crate::base::units::{Probability, Rate, Size, UnitError, parse_duration};

/// One expectation, ready to be asked.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// As written.
    pub that: String,
    pub(super) left: Operand,
    pub(super) op: Op,
    pub(super) right: Operand,
}

/// A comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Op {
    Equal,
    NotEqual,
    LessOrEqual,
    GreaterOrEqual,
    Less,
    Greater,
}

const OPS: &[(&str, Op)] = &[
    ("==", Op::Equal),
    ("!=", Op::NotEqual),
    ("<=", Op::LessOrEqual),
    (">=", Op::GreaterOrEqual),
    ("<", Op::Less),
    (">", Op::Greater),
];

/// What several values are folded into.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Function {
    Sum,
    Min,
    Max,
    Mean,
    Count,
    /// Jain's fairness index: (sum x)^2 / (n sum x^2).
    Jain,
}

const FUNCTIONS: &[(&str, Function)] = &[
    ("sum", Function::Sum),
    ("min", Function::Min),
    ("max", Function::Max),
    ("mean", Function::Mean),
    ("count", Function::Count),
    ("jain", Function::Jain),
];

/// One side of a comparison.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Number(f64, Dimension),
    Text(String),
    Bool(bool),
    Path(Path),
    Call(Function, Path),
    /// `a + b + c`, element by element.
    Plus(Vec<Operand>),
}

/// Which values.
#[derive(Clone, Debug)]
pub(super) struct Path {
    pub(super) collection: &'static Collection,
    /// With its place in the text.
    pub(super) selector: Option<(String, Range<usize>)>,
    pub(super) field: &'static Field,
}

impl Expectation {
    /// Whether it asks for one of this list of the summary.
    pub fn asks_for(&self, list: &str) -> bool {
        self.left.asks_for(list) || self.right.asks_for(list)
    }
}

impl Operand {
    fn asks_for(&self, list: &str) -> bool {
        match self {
            Operand::Path(path) | Operand::Call(_, path) => path.collection.list == list,
            Operand::Plus(terms) => terms.iter().any(|term| term.asks_for(list)),
            Operand::Number(..) | Operand::Text(_) | Operand::Bool(_) => false,
        }
    }

    pub(super) fn dimension(&self) -> Dimension {
        match self {
            Operand::Number(_, dimension) => *dimension,
            Operand::Text(_) => Dimension::Text,
            Operand::Bool(_) => Dimension::Bool,
            Operand::Call(Function::Count | Function::Jain, _) => Dimension::Plain,
            Operand::Path(path) | Operand::Call(_, path) => path.field.dimension,
            Operand::Plus(terms) => terms.first().map_or(Dimension::Plain, Operand::dimension),
        }
    }
}

/// A mistake in an expectation: where in its text, what, and the mend.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExpectError {
    /// The bytes of the expectation's text.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// The mend.
    pub help: String,
}

impl Expectation {
    /// Reads an expectation.
    pub fn parse(that: &str) -> Result<Self, ExpectError> {
        let mut reader = Reader { text: that, at: 0 };
        let left = reader.side()?;
        let op = reader.op()?;
        let right_start = reader.skip();
        let right = reader.side()?;
        let end = reader.skip();
        if end < that.len() {
            return Err(reader.error(end..that.len(), "something is left over", "an expectation is one comparison"));
        }
        let (a, b) = (left.dimension(), right.dimension());
        if a != b {
            let help = match a {
                Dimension::Time => "write a duration such as 20 s",
                Dimension::Rate => "write a rate such as 10 Mbit/s",
                Dimension::Size => "write a size such as 5 MB",
                Dimension::Text => "write a text in single quotes",
                Dimension::Bool => "write true or false",
                Dimension::Plain => "write a number without a unit",
            };
            return Err(reader.error(right_start..that.len(), "the two sides are of different kinds", help));
        }
        if matches!(a, Dimension::Text | Dimension::Bool) && !matches!(op, Op::Equal | Op::NotEqual) {
            return Err(reader.error(0..that.len(), "only == and != compare these", "use == or !="));
        }
        Ok(Expectation { that: that.to_string(), left, op, right })
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn error(&self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> ExpectError {
        ExpectError { span, message: message.into(), help: help.into() }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Skips blanks; where it stands then.
    fn skip(&mut self) -> usize {
        self.at += self.rest().len() - self.rest().trim_start().len();
        self.at
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn need(&mut self, token: &str) -> Result<(), ExpectError> {
        let at = self.skip();
        if self.eat(token) {
            return Ok(());
        }
        let end = self.text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
        Err(self.error(at..end, format!("expected `{token}` here"), "write it like fetch[phone].duration <= 20 s"))
    }

    fn op(&mut self) -> Result<Op, ExpectError> {
        let at = self.skip();
        for (token, op) in OPS {
            if self.eat(token) {
                return Ok(*op);
            }
        }
        let help = "compare with one of ==, !=, <=, >=, <, >";
        Err(self.error(at..self.text.len(), "a comparison is missing", help))
    }

    /// One operand, or several of one kind with `+` between them.
    fn side(&mut self) -> Result<Operand, ExpectError> {
        let start = self.skip();
        let first = self.operand()?;
        let dimension = first.dimension();
        let mut terms = vec![first];
        while self.eat("+") {
            terms.push(self.operand()?);
        }
        if terms.len() > 1
            && (matches!(dimension, Dimension::Text | Dimension::Bool)
                || terms.iter().any(|t| t.dimension() != dimension))
        {
            return Err(self.error(start..self.at, "these cannot be added", "add numbers of one kind"));
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Operand::Plus(terms) })
    }

    fn operand(&mut self) -> Result<Operand, ExpectError> {
        let start = self.skip();
        if self.rest().starts_with(|c: char| c.is_ascii_digit()) {
            return self.number(start);
        }
        if let Some(quote) = self.rest().chars().next().filter(|c| matches!(c, '\'' | '"')) {
            self.at += 1;
            let text = self.take(|c| c != quote);
            if !self.rest().starts_with(quote) {
                return Err(self.error(
                    start..self.text.len(),
                    "the quote is not closed",
                    format!("close it with {quote}"),
                ));
            }
            self.at += 1;
            return Ok(Operand::Text(text.to_string()));
        }
        let word = self.take(|c| c.is_ascii_alphanumeric() || c == '_');
        match word {
            "true" => return Ok(Operand::Bool(true)),
            "false" => return Ok(Operand::Bool(false)),
            _ => {}
        }
        if let (Some((_, function)), true) = (FUNCTIONS.iter().find(|(n, _)| *n == word), self.eat("(")) {
            let at = self.skip();
            let word = self.take(|c| c.is_ascii_alphanumeric() || c == '_');
            let path = self.path(at, word)?;
            self.need(")")?;
            if matches!(path.field.dimension, Dimension::Text | Dimension::Bool) && *function != Function::Count {
                return Err(self.error(start..self.at, "this field is no number", "count(...) counts texts"));
            }
            return Ok(Operand::Call(*function, path));
        }
        self.path(start, word).map(Operand::Path)
    }

    fn number(&mut self, start: usize) -> Result<Operand, ExpectError> {
        self.take(|c| c.is_ascii_digit() || matches!(c, '.' | '_'));
        let number_end = self.at;
        self.skip();
        let unit = self.take(|c| c.is_alphabetic() || matches!(c, '/' | '%'));
        if unit.is_empty() {
            self.at = number_end;
        }
        let text = &self.text[start..self.at];
        let plain = |s: &str| s.replace('_', "").parse::<f64>().ok();
        let wrong = |e: UnitError| ExpectError { span: start..start + text.len(), message: e.message, help: e.help };
        match unit {
            "" => {
                let error = || self.error(start..number_end, format!("`{text}` is not a number"), "write digits");
                plain(text).map(|n| Operand::Number(n, Dimension::Plain)).ok_or_else(error)
            }
            "%" => Probability::parse(text)
                .map_err(wrong)
                .and(
                    plain(&self.text[start..number_end])
                        .ok_or_else(|| self.error(start..number_end, "not a number", "write digits")),
                )
                .map(|n| Operand::Number(n / 100.0, Dimension::Plain)),
            "ns" | "us" | "ms" | "s" | "min" | "h" => {
                parse_duration(text).map(|d| Operand::Number(d.as_secs_f64(), Dimension::Time)).map_err(wrong)
            }
            _ if unit.contains('/') || unit.ends_with("ps") || unit.ends_with("bit") => {
                Rate::parse(text).map(|r| Operand::Number(r.0 as f64, Dimension::Rate)).map_err(wrong)
            }
            _ => Size::parse(text).map(|s| Operand::Number(s.0 as f64, Dimension::Size)).map_err(wrong),
        }
    }

    fn path(&mut self, start: usize, word: &str) -> Result<Path, ExpectError> {
        let word_span = start..start + word.len();
        let Some(collection) = collection(word) else {
            if let Some(field) = RUN.field(word) {
                return Ok(Path { collection: &RUN, selector: None, field });
            }
            let known = ["fetch", "flow", "link", "lease", "virtual_s", "events", "packet_hops", "digest"];
            let help = match nearest(word, known) {
                Some(right) => format!("did you mean `{right}`?"),
                None => format!("there are {}; texts stand in single quotes", known.join(", ")),
            };
            let span = if word.is_empty() { start..self.text.len() } else { word_span };
            return Err(self.error(span, format!("`{word}` is nothing to expect of"), help));
        };
        let selector = self.selector()?;
        self.need(".")?;
        let at = self.skip();
        let name = self.take(|c| c.is_ascii_alphanumeric() || c == '_');
        let unknown =
            || self.error(at..at + name.len(), format!("{word} has no field `{name}`"), collection.suggest(name));
        let field = collection.field(name).ok_or_else(unknown)?;
        Ok(Path { collection, selector, field })
    }

    /// `[bulk[3]]`: brackets inside belong to the name.
    fn selector(&mut self) -> Result<Option<(String, Range<usize>)>, ExpectError> {
        if !self.rest().starts_with('[') {
            return Ok(None);
        }
        let start = self.at;
        let mut depth = 0;
        for (i, c) in self.rest().char_indices() {
            match c {
                '[' => depth += 1,
                ']' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.at = start + i + 1;
                return Ok(Some((self.text[start + 1..start + i].trim().to_string(), start + 1..start + i)));
            }
        }
        Err(self.error(start..self.text.len(), "the bracket is not closed", "close it with ]"))
    }
}
