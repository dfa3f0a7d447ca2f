//! What is wrong with a scenario, where, and how to mend it.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::text::{Source, on_characters};

/// More than these are counted, not shown.
const MAX_SHOWN: usize = 100;

/// Whether the scenario can run all the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, but may not do what was meant.
    Warning,
}

/// One finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// The bytes of the file it is about; `0..0` if it is about none in particular.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// The mend, if there is one to name.
    pub help: Option<String>,
    /// How bad it is.
    pub severity: Severity,
}

impl Diagnostic {
    /// Something that must be mended.
    pub fn error(span: Range<usize>, message: impl Into<String>) -> Self {
        Diagnostic { span, message: message.into(), help: None, severity: Severity::Error }
    }

    /// Something to think about.
    pub fn warning(span: Range<usize>, message: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Warning, ..Self::error(span, message) }
    }

    /// The same with a mend.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Diagnostic { help: Some(help.into()), ..self }
    }

    /// The same with a mend, if there is one.
    #[must_use]
    pub fn maybe_help(self, help: Option<String>) -> Self {
        Diagnostic { help, ..self }
    }
}

/// Sorts findings by their place in the file.
pub fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by_key(|d| (d.span.start, d.span.end));
}

/// All findings as text for people, in the order of the file: file, line, column, the text, the mend.
pub fn render(source: &Source, diagnostics: &[Diagnostic], colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let path = source.path.display().to_string();
    let mut out = String::new();
    for diagnostic in diagnostics.iter().take(MAX_SHOWN) {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let span = on_characters(&source.text, &diagnostic.span);
        let mut group = if diagnostic.span == (0..0) {
            Group::with_title(level.primary_title(format!("{path}: {}", diagnostic.message)))
        } else {
            let (text, start, line) = neighbourhood(&source.text, &span);
            let mark = AnnotationKind::Primary.span(span.start - start..span.end - start);
            let snippet = Snippet::source(text).path(path.clone()).line_start(line).annotation(mark);
            level.primary_title(diagnostic.message.clone()).element(snippet)
        };
        if let Some(help) = &diagnostic.help {
            group = group.element(Level::HELP.message(help.clone()));
        }
        out.push_str(&renderer.render(&[group]));
        out.push_str("\n\n");
    }
    if diagnostics.len() > MAX_SHOWN {
        out.push_str(&format!("... and {} more\n", diagnostics.len() - MAX_SHOWN));
    }
    out
}

/// The line of a span alone, so that a file of a million lines costs nothing to quote.
fn neighbourhood<'a>(text: &'a str, span: &Range<usize>) -> (&'a str, usize, usize) {
    let start = text[..span.start].rfind('\n').map_or(0, |i| i + 1);
    let end = text[span.end..].find('\n').map_or(text.len(), |i| span.end + i);
    (&text[start..end], start, text[..start].matches('\n').count() + 1)
}
