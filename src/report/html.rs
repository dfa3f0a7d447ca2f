//! `report.html`: one page with everything about a run, which needs no network and no script.

use super::plots::output::Drawn;
use super::text;
use crate::observe::summary::Summary;

const STYLE: &str = "body{max-width:64rem;margin:2rem auto;padding:0 1rem;color:#1d232e;font-family:sans-serif}\
    pre{overflow-x:auto;padding:1rem;background:#f6f7f9;font-size:.85rem;line-height:1.4}\
    figure{margin:1.5rem 0}svg{width:100%;height:auto}summary{cursor:pointer}";

/// The page for a run: its summary, its plots, and the scenario it ran.
pub fn page(summary: &Summary, scenario_toml: &str, plots: &[Drawn]) -> String {
    let title = escape(&format!("{}, seed {}", summary.scenario, summary.seed));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n<h1>{title}</h1>\n<pre>{}</pre>\n",
        escape(&text::render(summary, None))
    );
    for plot in plots {
        page.push_str(&format!("<figure aria-label=\"{}\">\n{}</figure>\n", escape(plot.about), plot.svg));
    }
    page.push_str(&format!(
        "<details><summary>The scenario</summary>\n<pre>{}</pre></details>\n",
        escape(scenario_toml)
    ));
    page.push_str("</html>\n");
    page
}

/// Text as it must stand in HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::summary::RunOutcome;

    #[test]
    fn text_from_the_scenario_is_never_markup() {
        let run = RunOutcome { scenario: "<b>&".to_owned(), ..RunOutcome::default() };
        let page = page(&Summary::new(&run), "title = \"</pre><script>\"", &[]);
        assert!(page.contains("&lt;b&gt;&amp;, seed 0"));
        assert!(!page.contains("<script>") && !page.contains("<b>"));
    }
}
