//! What the fuzz target `scenario` calls; it panics when a promise of the loader is broken.

use std::path::Path;

use super::diagnostic::{Severity, render};
use super::load::load;
use super::text::Source;

/// A file of any bytes becomes a plan, or mistakes that can be shown, and never neither.
pub fn scenario(data: &[u8]) {
    let Ok(source) = Source::from_bytes(Path::new("fuzz/scenario.toml"), data.to_vec()) else { return };
    let loaded = load(&source, &[]);
    let mistaken = loaded.diagnostics.iter().any(|d| d.severity == Severity::Error);
    assert_eq!(loaded.plan.is_none(), mistaken);
    for diagnostic in &loaded.diagnostics {
        let lies = diagnostic.span.start <= diagnostic.span.end && diagnostic.span.end <= source.text.len().max(1);
        assert!(lies, "{diagnostic:?}");
    }
    assert_eq!(render(&source, &loaded.diagnostics, false).is_empty(), loaded.diagnostics.is_empty());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::mutate::mutate_for;

    #[test]
    fn sys_09_no_text_breaks_the_loader() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
        let samples = ["storage-rudp.toml", "link-failure.toml", "dumbbell.toml"].map(read);
        let samples: Vec<&[u8]> = samples.iter().map(Vec::as_slice).collect();
        mutate_for(150, "scenario", &samples, scenario);
    }
}
