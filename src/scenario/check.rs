//! Walks the tables of a file with their schema at hand. Collects every error instead of stopping
//! at the first; a value with an error is simply absent from what it returns.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::Diagnostic;
use super::nearest::nearest;
use super::scalar::{describe, found, scalar};
use crate::base::schema::{Data, Key, Kind, Need, Params, Part, PartKind, Value};
use crate::base::units::UnitError;

/// What a walk found.
#[derive(Debug, Default)]
pub struct Checker {
    /// Everything wrong so far.
    pub diagnostics: Vec<Diagnostic>,
    /// Every mention of a node, to be compared with the nodes there are.
    pub nodes: Vec<(String, Range<usize>)>,
    /// True while a default is read: it stands nowhere in the file.
    in_default: bool,
}

impl Checker {
    /// A table whose keys are all in `keys`, with defaults for what is left out. `at` is its path,
    /// `span` where it stands.
    pub fn table(&mut self, at: &str, span: &Range<usize>, table: &DeTable<'_>, keys: &[Key]) -> Params {
        let mut params = Params::default();
        for (name, value) in table {
            match keys.iter().find(|k| k.name == name.get_ref().as_ref()) {
                Some(key) => {
                    let path = join(at, key.name);
                    if let Some(value) = self.value(&path, value, &key.kind) {
                        params.0.insert(key.name.to_string(), value);
                    }
                }
                None => self.unknown_key(at, name, keys),
            }
        }
        self.fill_presets(at, table, keys, &mut params);
        for key in keys {
            if table.contains_key(key.name) || params.0.contains_key(key.name) {
                continue;
            }
            match key.need {
                Need::Optional => {}
                Need::Required => {
                    let missing = Diagnostic::error(span.clone(), format!("{at}: `{}` is missing", key.name));
                    self.diagnostics.push(missing.help(format!("{}: {}", key.about, describe(&key.kind))));
                }
                Need::Default(text) => {
                    if let Some(value) = self.default_value(&join(at, key.name), text, &key.kind) {
                        params.0.insert(key.name.to_string(), value);
                    }
                }
            }
        }
        params
    }

    /// A preset that the table names stands for its keys, but for those that are written there.
    fn fill_presets(&mut self, at: &str, table: &DeTable<'_>, keys: &[Key], params: &mut Params) {
        for key in keys {
            let Kind::Preset(presets) = key.kind else { continue };
            let chosen = params.text(key.name).and_then(|name| presets.iter().find(|p| p.name == name));
            for (name, text) in chosen.map_or(&[][..], |p| p.values) {
                let own = keys.iter().find(|k| k.name == *name && !table.contains_key(*name));
                if let Some(own) = own
                    && let Some(value) = self.default_value(&join(at, own.name), text, &own.kind)
                {
                    params.0.insert(own.name.to_string(), value);
                }
            }
        }
    }

    fn unknown_key(&mut self, at: &str, name: &Spanned<std::borrow::Cow<'_, str>>, keys: &[Key]) {
        let wrong = name.get_ref();
        let message =
            if at.is_empty() { format!("unknown key `{wrong}`") } else { format!("{at}: unknown key `{wrong}`") };
        let names = || keys.iter().map(|k| k.name);
        let help = match nearest(wrong, names()) {
            Some(right) => format!("did you mean `{right}`?"),
            None if keys.is_empty() => "no keys belong here".to_string(),
            None => format!("the keys here are {}", names().collect::<Vec<_>>().join(", ")),
        };
        self.diagnostics.push(Diagnostic::error(name.span(), message).help(help));
    }

    /// The value that a key has when it is left out.
    pub fn default_value(&mut self, at: &str, text: &str, kind: &Kind) -> Option<Value> {
        let outer = std::mem::replace(&mut self.in_default, true);
        let parsed = DeValue::parse(text).ok().filter(|v| fits(kind, v.get_ref()));
        let value = parsed.unwrap_or_else(|| Spanned::new(0..0, DeValue::String(text.into())));
        let value = self.value(at, &value, kind);
        self.in_default = outer;
        value
    }

    fn error(&mut self, at: &str, span: Range<usize>, error: UnitError) {
        self.diagnostics.push(Diagnostic::error(span, format!("{at}: {}", error.message)).help(error.help));
    }

    /// One value of a kind.
    pub fn value(&mut self, at: &str, value: &Spanned<DeValue<'_>>, kind: &Kind) -> Option<Value> {
        let span = if self.in_default { 0..0 } else { value.span() };
        let raw = value.get_ref();
        if !fits(kind, raw) {
            let message = format!("{at}: expected {}, found {}", describe(kind), found(raw));
            let number = raw.is_integer() || raw.is_float();
            let help = match number && is_quantity(kind) {
                true => "a quantity stands in quotes, with its unit".to_string(),
                false => format!("write {}", describe(kind)),
            };
            self.diagnostics.push(Diagnostic::error(span, message).help(help));
            return None;
        }
        let data = match (kind, raw) {
            (Kind::OneOf(kinds), _) => return self.one_of(at, value, kinds),
            (Kind::PerDirection(inner), _) => self.per_direction(at, value, inner),
            (Kind::Part(part), _) => self.part(at, value, part),
            (Kind::List(inner), DeValue::Array(items)) => {
                let checked: Vec<_> =
                    items.iter().enumerate().map(|(i, item)| self.value(&format!("{at}[{i}]"), item, inner)).collect();
                checked.into_iter().collect::<Option<Vec<_>>>().map(Data::List)
            }
            (Kind::Table(keys), DeValue::Table(table)) => Some(Data::Table(self.table(at, &span, table, keys))),
            (Kind::Map(inner), DeValue::Table(table)) => {
                let mut params = Params::default();
                for (name, value) in table {
                    if let Some(value) = self.value(&join(at, name.get_ref()), value, inner) {
                        params.0.insert(name.get_ref().to_string(), value);
                    }
                }
                Some(Data::Table(params))
            }
            (Kind::Bool, DeValue::Boolean(b)) => Some(Data::Bool(*b)),
            _ => match scalar(raw, kind) {
                Ok(data) => {
                    if let Data::Node(name) = &data {
                        self.nodes.push((name.clone(), span.clone()));
                    }
                    Some(data)
                }
                Err(error) => {
                    self.error(at, span.clone(), error);
                    None
                }
            },
        };
        data.map(|data| Value { data, span })
    }

    /// Tries kinds in order. If none takes the value, the complaint is of those that its form fits.
    fn one_of(&mut self, at: &str, value: &Spanned<DeValue<'_>>, kinds: &[Kind]) -> Option<Value> {
        let mut complaints = Vec::new();
        for kind in kinds.iter().filter(|k| fits(k, value.get_ref())) {
            let mut attempt = Checker { in_default: self.in_default, ..Default::default() };
            let result = attempt.value(at, value, kind);
            if attempt.diagnostics.is_empty() {
                self.nodes.append(&mut attempt.nodes);
                return result;
            }
            complaints.push((describe(kind), attempt.diagnostics));
        }
        if complaints.len() > 1 {
            let kinds: Vec<_> = complaints.into_iter().map(|(kind, _)| kind).collect();
            let message = format!("{at}: expected {}, found {}", kinds.join(" or "), found(value.get_ref()));
            let help = format!("write {}", kinds.join(" or "));
            self.diagnostics.push(Diagnostic::error(value.span(), message).help(help));
        } else {
            self.diagnostics.extend(complaints.into_iter().flat_map(|(_, d)| d));
        }
        None
    }

    fn per_direction(&mut self, at: &str, value: &Spanned<DeValue<'_>>, inner: &Kind) -> Option<Data> {
        let both = value.get_ref().as_table().filter(|t| t.contains_key("forward") || t.contains_key("reverse"));
        let Some(table) = both else {
            let one = self.value(at, value, inner)?;
            return Some(Data::PerDirection(Box::new([one.clone(), one])));
        };
        for name in table.keys().filter(|k| !matches!(k.get_ref().as_ref(), "forward" | "reverse")) {
            let message = format!("{at}: unknown key `{}`", name.get_ref());
            let help = "a value for each direction has the keys forward and reverse";
            self.diagnostics.push(Diagnostic::error(name.span(), message).help(help));
        }
        let mut way = |name: &str| match table.get(name) {
            Some(value) => self.value(&join(at, name), value, inner),
            None => {
                let message = format!("{at}: `{name}` is missing");
                let help = "give both forward and reverse, or one value for both";
                self.diagnostics.push(Diagnostic::error(value.span(), message).help(help));
                None
            }
        };
        let (forward, reverse) = (way("forward"), way("reverse"));
        Some(Data::PerDirection(Box::new([forward?, reverse?])))
    }

    fn part(&mut self, at: &str, value: &Spanned<DeValue<'_>>, kind: &PartKind) -> Option<Data> {
        let parts = (kind.parts)();
        let span = if self.in_default { 0..0 } else { value.span() };
        let empty = DeTable::new();
        let (name, name_span, table) = match value.get_ref() {
            DeValue::String(name) => {
                if !parts.iter().any(|p| p.name == name.as_ref())
                    && let Some((part, key)) = short(kind, &parts)
                    && looks_like_a_quantity(name)
                {
                    return self.short_form(at, value, &part, &key);
                }
                (name.as_ref(), span.clone(), &empty)
            }
            DeValue::Table(table) => match table.get(kind.tag).map(|v| (v.get_ref().as_str(), v.span())) {
                Some((Some(name), name_span)) => (name, name_span, table),
                Some((None, name_span)) => {
                    let message = format!("{at}: `{}` is the name of a {}", kind.tag, kind.what);
                    self.diagnostics.push(Diagnostic::error(name_span, message));
                    return None;
                }
                None => {
                    let message = format!("{at}: `{}` is missing", kind.tag);
                    let help = format!("it names the {}: {}", kind.what, names(&parts));
                    self.diagnostics.push(Diagnostic::error(span, message).help(help));
                    return None;
                }
            },
            _ => {
                let (part, key) = short(kind, &parts)?;
                return self.short_form(at, value, &part, &key);
            }
        };
        let Some(part) = parts.iter().find(|p| p.name == name) else {
            let help = match nearest(name, parts.iter().map(|p| p.name)) {
                Some(right) => format!("did you mean `{right}`?"),
                None => format!("there are {}", names(&parts)),
            };
            let message = format!("{at}: unknown {} `{name}`", kind.what);
            self.diagnostics.push(Diagnostic::error(name_span, message).help(help));
            return None;
        };
        let own: DeTable<'_> =
            table.iter().filter(|(k, _)| k.get_ref() != kind.tag).map(|(k, v)| (k.clone(), v.clone())).collect();
        Some(Data::Part(part.name.to_string(), self.table(at, &span, &own, part.keys)))
    }

    /// `"100 pkt"` for `{ kind = "drop-tail", limit = "100 pkt" }`.
    fn short_form(&mut self, at: &str, value: &Spanned<DeValue<'_>>, part: &Part, key: &Key) -> Option<Data> {
        let short = self.value(at, value, &key.kind)?;
        let others: Vec<Key> = part.keys.iter().filter(|k| k.name != key.name).copied().collect();
        let mut params = self.table(at, &value.span(), &DeTable::new(), &others);
        params.0.insert(key.name.to_string(), short);
        Some(Data::Part(part.name.to_string(), params))
    }
}

/// `a.b`, or `b` at the top.
pub fn join(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_string() } else { format!("{at}.{name}") }
}

fn names(parts: &[Part]) -> String {
    parts.iter().map(|p| p.name).collect::<Vec<_>>().join(", ")
}

/// The part and key that the short form means.
fn short(kind: &PartKind, parts: &[Part]) -> Option<(Part, Key)> {
    let (part, key) = kind.short?;
    let part = parts.iter().find(|p| p.name == part)?;
    part.keys.iter().find(|k| k.name == key).map(|k| (*part, *k))
}

fn looks_like_a_quantity(text: &str) -> bool {
    text.trim_start().starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.' | '+'))
}

/// Whether a value has the form (string, number, table, ...) that the kind is written in.
fn fits(kind: &Kind, value: &DeValue<'_>) -> bool {
    match kind {
        Kind::Bool => value.is_bool(),
        Kind::Integer(..) => value.is_integer(),
        Kind::Probability => value.is_str() || value.is_integer() || value.is_float(),
        Kind::List(_) => value.is_array(),
        Kind::Table(_) | Kind::Map(_) => value.is_table(),
        Kind::OneOf(kinds) => kinds.iter().any(|k| fits(k, value)),
        Kind::Part(part) => {
            value.is_str()
                || value.is_table()
                || short(part, &(part.parts)()).is_some_and(|(_, key)| fits(&key.kind, value))
        }
        Kind::PerDirection(inner) => {
            fits(inner, value)
                || value.as_table().is_some_and(|t| t.contains_key("forward") || t.contains_key("reverse"))
        }
        _ => value.is_str(),
    }
}

/// Kinds that are numbers with a unit.
fn is_quantity(kind: &Kind) -> bool {
    match kind {
        Kind::Rate | Kind::Duration | Kind::Size | Kind::Probability | Kind::QueueLimit => true,
        Kind::OneOf(kinds) => kinds.iter().any(is_quantity),
        Kind::Within(inner, ..) | Kind::PerDirection(inner) => is_quantity(inner),
        Kind::Part(part) => short(part, &(part.parts)()).is_some_and(|(_, key)| is_quantity(&key.kind)),
        _ => false,
    }
}
