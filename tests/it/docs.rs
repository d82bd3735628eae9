//! The pages against the program: links lead somewhere, heads name files that are there, keys and events are all listed.

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn under(folder: &str, ending: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (vec![], vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.to_string_lossy().ends_with(ending) => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    found
}

/// Targets of `[text](target)` that stay in the tree.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()).filter(|l| !l.is_empty() && !l.contains("://"))
}

#[test]
fn every_link_of_a_page_leads_to_a_file() {
    let mut pages = vec![root().join("README.md")];
    for folder in ["docs", "tests", "fixtures"] {
        pages.extend(under(folder, ".md"));
    }
    let (mut broken, mut seen) = (vec![], 0);
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            seen += 1;
            if !page.parent().unwrap().join(link).exists() {
                broken.push(format!("{} links to {link}", page.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(seen > 20, "only {seen} links were found");
    assert!(broken.is_empty(), "not there:\n{}", broken.join("\n"));
}

#[test]
fn what_a_files_head_names_is_there() {
    let (mut broken, mut seen) = (vec![], 0);
    for file in under("src", ".rs") {
        let text = std::fs::read_to_string(&file).unwrap();
        let head: String = text.lines().take_while(|l| l.starts_with("//!")).collect();
        for named in head.split('`').skip(1).step_by(2) {
            let ours = ["tests/", "docs/", "fixtures/"].iter().any(|f| named.starts_with(f));
            if ours && !named.contains('*') {
                seen += 1;
                if !root().join(named).exists() {
                    broken.push(format!("{} names {named}", file.strip_prefix(root()).unwrap().display()));
                }
            }
        }
    }
    assert!(seen > 20, "only {seen} files were named");
    assert!(broken.is_empty(), "not there:\n{}", broken.join("\n"));
}

/// The fields of `struct NAME` in a source, as their keys in a file.
fn keys(source: &str, structure: &str) -> Vec<String> {
    let body = source.split(&format!("struct {structure} {{")).nth(1).unwrap_or_else(|| panic!("struct {structure} is gone"));
    let body = body.split("\n}").next().unwrap_or_default();
    let fields = body.lines().map(str::trim).filter(|l| !l.starts_with(['/', '#']));
    fields.filter_map(|l| l.trim_start_matches("pub ").split_once(':').map(|(name, _)| name.to_owned())).collect()
}

#[test]
fn every_key_of_a_file_is_on_its_page() {
    for (source, structure, page) in [
        ("src/station/config.rs", "File", "docs/station-file.md"),
        ("src/station/config.rs", "Retry", "docs/station-file.md"),
        ("src/teletype/keys.rs", "Keys", "docs/station-file.md"),
        ("src/fax/keys.rs", "Keys", "docs/fax.md"),
        ("src/email/keys.rs", "Keys", "docs/email.md"),
        ("src/email/keys.rs", "Line", "docs/email.md"),
        ("src/history/scenario.rs", "File", "docs/scenarios.md"),
        ("src/history/scenario.rs", "FileCircuit", "docs/scenarios.md"),
        ("src/history/timeline.rs", "FileEntry", "docs/scenarios.md"),
    ] {
        let (keys, page_text) = (keys(&read(source), structure), read(page));
        assert!(keys.len() > 2, "{source}: struct {structure}: {keys:?}");
        for key in keys.iter().map(|k| if k == "what" { "do" } else { k }) {
            let listed = ["`{}`", "`{} =", "[{}.", "[[{}]]", "[{}]", "\"{}\"", " `{} ", "`[{}", "{} = "];
            assert!(listed.iter().any(|form| page_text.contains(&form.replace("{}", key))), "{page} does not list `{key}` of {source}");
        }
    }
}

#[test]
fn every_event_is_on_the_apis_page() {
    let source = read("src/router/event.rs");
    let named = source.split("fn name(").nth(1).unwrap().split("\n    }").next().unwrap();
    let names: Vec<&str> = named.split('"').skip(1).step_by(2).collect();
    assert!(names.len() > 15, "{names:?}");
    let page = read("docs/api.md");
    for name in names {
        assert!(
            page.contains(&format!("`{name}`")) || page.contains(&format!("\"{name}\"")),
            "docs/api.md does not name the event `{name}`"
        );
    }
}

#[test]
fn the_page_of_the_code_tables_is_what_the_tables_say() {
    let (page, path) = (molink::teletype::codes::page::page(), "docs/code-tables.md");
    if std::env::var_os("MOLINK_RENEW").is_some() {
        std::fs::write(root().join(path), &page).unwrap();
    }
    let committed = std::fs::read_to_string(root().join(path)).unwrap_or_default();
    let differs = committed.lines().zip(page.lines()).find(|(a, b)| a != b);
    assert!(
        committed == page,
        "{path} is not what the tables say, first at {differs:?}; renew it with MOLINK_RENEW=1 cargo test --test it docs::"
    );
}

#[test]
fn the_adapters_of_the_page_are_those_of_the_program() {
    part_of_a_page("docs/serial.md", "adapters", &molink::line::adapter::page());
}

#[test]
fn the_replies_of_the_page_are_those_of_the_program() {
    part_of_a_page("docs/smtp.md", "replies", &molink::email::smtp::replies::page());
}

#[test]
fn the_mail_clients_of_the_page_are_those_that_the_matrix_runs() {
    part_of_a_page("docs/smtp.md", "clients", &crate::mail_matrix::page());
}

/// Between `<!-- NAME -->` and `<!-- end of NAME -->` a page has what the program says.
fn part_of_a_page(path: &str, name: &str, page: &str) {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = read(path).split_once(&begin).map(|(b, r)| (b.to_owned(), r.to_owned())).expect("where it begins");
    let (committed, after) = rest.split_once(&end).expect("where it ends");
    if std::env::var_os("MOLINK_RENEW").is_some() {
        std::fs::write(root().join(path), format!("{before}{begin}{page}{end}{after}")).unwrap();
        return;
    }
    let differs = committed.lines().zip(page.lines()).find(|(a, b)| a != b);
    assert!(
        committed == page,
        "{path} does not say what the program does, first at {differs:?}; renew it with MOLINK_RENEW=1 cargo test --test it docs::"
    );
}
