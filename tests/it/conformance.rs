//! Holds docs/conformance.md against the tree: every file that it names is there, and every test in it.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};

#[test]
fn every_test_that_the_page_names_is_there() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the tree")?;
    let page = fs::read_to_string(root.join("docs/conformance.md")).context("docs/conformance.md")?;
    let mut seen = 0;
    for row in page.lines().filter(|line| line.starts_with("| ") && line.contains(".rs`")) {
        let tests = row.trim_end_matches([' ', '|']).rsplit('|').next().unwrap_or_default();
        for entry in tests.split(';').map(str::trim) {
            let (file, names) = entry.split_once(':').unwrap_or((entry, ""));
            let file = file.trim_matches('`');
            let source = fs::read_to_string(root.join(file)).with_context(|| format!("the page names {file}"))?;
            ensure!(source.contains("test]") || source.contains("mod "), "{file} has no tests");
            for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                ensure!(runs(&source, name), "{file} has no test {name}, or it is ignored");
                seen += 1;
            }
        }
    }
    ensure!(seen > 100, "only {seen} tests were found on the page: its form has changed");
    Ok(())
}

/// Whether `source` has a function of this name that `cargo test` runs.
fn runs(source: &str, name: &str) -> bool {
    let lines: Vec<_> = source.lines().map(str::trim_start).collect();
    let starts = [format!("fn {name}("), format!("async fn {name}(")];
    lines.iter().enumerate().filter(|(_, line)| starts.iter().any(|start| line.starts_with(start))).any(|(at, _)| {
        let above = lines.iter().take(at).rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        let attributes: Vec<_> = above.filter(|line| line.starts_with("#[")).collect();
        attributes.iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
            && !attributes.iter().any(|line| line.starts_with("#[ignore"))
    })
}
