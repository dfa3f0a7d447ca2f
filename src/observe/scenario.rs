//! A scenario in a Rust program: read, written or built, then run.

use std::fmt::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use super::run::{Run, RunError, run};
use crate::scenario::diagnostic::{Diagnostic, Severity, render};
use crate::scenario::load::load;
use crate::scenario::plan::Plan;
use crate::scenario::text::Source;

/// A scenario, for `cargo test` and other programs.
///
/// It is the text of a scenario file, whether read, given, or put together piece by piece, so all
/// that a file can say can be said here, and nothing else. Mistakes come to light in
/// [`Scenario::plan`] and [`Scenario::run`], all at once.
///
/// ```
/// use twinwire::prelude::*;
///
/// let run = Scenario::new("One lost packet")
///     .seed(7)
///     .link("wan", &[("rate", "10 Mbit/s"), ("delay", "10 ms"), ("loss", "{ model = 'list', drop = [20] }")])
///     .node("a", "host", &[])
///     .node("b", "host", &[])
///     .connect("a", "b", &[("link", "wan")])
///     .flow("a", "b", &[("name", "bulk"), ("transport", "rudp"), ("size", "200 kB")])
///     .expect("flow[bulk].retransmits == 1")
///     .run()
///     .unwrap_or_else(|refused| panic!("{refused}"));
/// assert!(run.summary.succeeded());
/// assert_eq!(run.summary.flows[0].bytes, 200_000);
/// ```
#[derive(Clone, Debug)]
pub struct Scenario {
    source: Source,
    sets: Vec<(String, String)>,
    seed: Option<u64>,
    name: String,
}

/// A scenario that cannot run. As text it says for each mistake the line, the column and the mend.
pub struct Refused {
    /// Everything that is wrong.
    pub mistakes: Vec<Diagnostic>,
    text: String,
}

/// The keys of a table: name and value. A value is TOML, and what is no TOML is text, as with
/// `--set` on the command line: `"10 Mbit/s"`, `"true"`, `"[1, 2]"`, `"{ at = '1 s' }"`.
pub type Keys<'k> = &'k [(&'k str, &'k str)];

impl Scenario {
    /// An empty one, to be built by the methods below.
    pub fn new(title: &str) -> Self {
        let title = toml::Value::String(title.to_owned());
        Scenario::parse(&format!("schema = 1\ntitle = {title}\n"))
    }

    /// One whose text is at hand.
    pub fn parse(text: &str) -> Self {
        Scenario {
            source: Source::new("scenario.toml", text),
            sets: Vec::new(),
            seed: None,
            name: "scenario".to_owned(),
        }
    }

    /// One from a file.
    ///
    /// # Errors
    /// If the file cannot be read, or is no text.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Refused> {
        let path = path.as_ref();
        let source = Source::read(path)
            .map_err(|text| Refused { mistakes: vec![Diagnostic::error(0..0, text.clone())], text })?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Scenario { source, sets: Vec::new(), seed: None, name })
    }

    /// Adds a link profile.
    #[must_use]
    pub fn link(self, name: &str, keys: Keys<'_>) -> Self {
        self.table(&format!("[link.{}]", quoted(name)), &[], keys)
    }

    /// Adds a node; with the key `count`, a group.
    #[must_use]
    pub fn node(self, name: &str, role: &str, keys: Keys<'_>) -> Self {
        self.table(&format!("[node.{}]", quoted(name)), &[("role", role)], keys)
    }

    /// Adds a wire between two nodes, or one for each of a group, `sender[*]`.
    #[must_use]
    pub fn connect(self, a: &str, b: &str, keys: Keys<'_>) -> Self {
        let between = format!("[{}, {}]", quoted(a), quoted(b));
        self.table("[[connect]]", &[("between", &between)], keys)
    }

    /// Adds a bulk flow; `size` or `for` says how much.
    #[must_use]
    pub fn flow(self, from: &str, to: &str, keys: Keys<'_>) -> Self {
        self.table("[[flow]]", &[("from", from), ("to", to)], keys)
    }

    /// Adds an event at a time: what it changes is in the keys `link` or `node`, `for` and `set`.
    #[must_use]
    pub fn event(self, at: &str, keys: Keys<'_>) -> Self {
        self.table("[[event]]", &[("at", at)], keys)
    }

    /// Adds an expectation.
    #[must_use]
    pub fn expect(self, that: &str) -> Self {
        self.table("[[expect]]", &[("that", &quoted(that))], &[])
    }

    /// Sets any value, as `--set` does: `set("transport.tcp.sack", "false")`.
    #[must_use]
    pub fn set(mut self, path: &str, value: &str) -> Self {
        self.sets.push((path.to_owned(), value.to_owned()));
        self
    }

    /// Sets the seed; goes before the file's own.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Scenario { seed: Some(seed), ..self }
    }

    /// The text of the scenario file.
    pub fn to_toml(&self) -> &str {
        &self.source.text
    }

    /// Checks it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn plan(&self) -> Result<Arc<Plan>, Refused> {
        let loaded = load(&self.source, &self.sets);
        let Some(mut plan) = loaded.plan else {
            let errors = loaded.diagnostics.into_iter().filter(|d| d.severity == Severity::Error);
            return Err(self.refused(errors.collect()));
        };
        plan.seed = self.seed.unwrap_or(plan.seed);
        Ok(Arc::new(plan))
    }

    /// Runs it to its end. Whether expectations were met is in the summary.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn run(&self) -> Result<Run, Refused> {
        let plan = self.plan()?;
        run(&plan, &self.name, None, &mut |_| {}).map_err(|error| match error {
            RunError::Scenario(mistakes) => self.refused(mistakes),
            RunError::Trace(error) => self.refused(vec![Diagnostic::error(0..0, error.to_string())]),
        })
    }

    fn refused(&self, mistakes: Vec<Diagnostic>) -> Refused {
        Refused { text: render(&self.source, &mistakes, false), mistakes }
    }

    fn table(mut self, head: &str, fixed: Keys<'_>, keys: Keys<'_>) -> Self {
        let out = &mut self.source.text;
        // Writing to a string cannot fail.
        let _ = writeln!(out, "\n{head}");
        for (name, value) in fixed.iter().chain(keys) {
            let is_toml = toml::de::DeValue::parse(value).is_ok();
            let value = if is_toml { (*value).to_owned() } else { quoted(value) };
            let _ = writeln!(out, "{} = {value}", name);
        }
        self
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The same as text for people, so that `unwrap` in a test says what is wrong.
impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_a_scenario_file() {
        let built = Scenario::new("Three").node("a", "host", &[("count", "3")]).expect("flow.count == 0");
        let text = "schema = 1\ntitle = \"Three\"\n\n[node.\"a\"]\nrole = \"host\"\ncount = 3\n\n[[expect]]\n\
                    that = \"flow.count == 0\"\n";
        assert_eq!(built.to_toml(), text);
        assert_eq!(built.plan().unwrap().nodes.len(), 3);
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let refused = Scenario::new("").node("a", "hots", &[]).connect("a", "c", &[]).run().unwrap_err();
        assert_eq!(refused.mistakes.len(), 2);
        assert!(refused.to_string().contains("scenario.toml:5:8"), "{refused}");
        assert!(format!("{refused:?}").contains("did you mean `host`?"));
        assert!(Scenario::read("/nonexistent/x.toml").unwrap_err().to_string().contains("/nonexistent/x.toml"));
    }
}
