//! What is wrong in a station file, told as `FILE:LINE: sentence`: the line of the key that is meant, and serde's words made people's.
//!
//! Standards: TOML 1.0. In: the file's text, what a reader of keys found (`…; in `line.smtp``, as the toml crate says where). Out: a [`ConfigError`].
//! Left out: keys that a line of more than one holds (the first that fits is named). Shown by: the tests below, `fixtures/answers/check.txt`.

use super::config::ConfigError;
use crate::message::address::nearest;

/// The text a configuration came from, so that an error found later can still name the line.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    name: String,
    text: String,
}

impl Origin {
    /// This text, of the file of that name.
    pub fn new(name: &str, text: &str) -> Origin {
        Origin { name: name.to_owned(), text: text.to_owned() }
    }

    /// A sentence about a port's table, with the line of the key that it is about first.
    pub fn port_error(&self, port: &str, sentence: &str) -> ConfigError {
        let (what, path) = located(sentence);
        let sentence = shorten(what, path);
        // An unknown key stands inside the one that the path names.
        let key = match what.starts_with("unknown field") {
            true => path.into_iter().chain(what.split('`').nth(1)).collect::<Vec<_>>().join("."),
            false => path.or_else(|| sentence.split('`').nth(1)).unwrap_or_default().to_owned(),
        };
        match self.line(port, &key) {
            Some(line) => ConfigError(format!("{}:{}: port `{port}`: {sentence}", self.name, line + 1)),
            None => ConfigError(format!("{}: port `{port}`: {sentence}", self.name)),
        }
    }

    /// The line where a port's key stands, or its table begins.
    fn line(&self, port: &str, key: &str) -> Option<usize> {
        let (first, last) = (key.split('.').next().unwrap_or_default(), key.rsplit('.').next().unwrap_or_default());
        let table = |headers: [String; 2]| {
            let start = self.text.lines().position(|l| headers.iter().any(|h| *h == l.split('#').next().unwrap_or_default().trim()))?;
            let body: Vec<&str> = self.text.lines().skip(start + 1).take_while(|l| !l.trim_start().starts_with('[')).collect();
            Some((start, body))
        };
        let (start, body) = table([format!("[port.{port}]"), format!("[port.\"{port}\"]")])?;
        if key.is_empty() {
            return Some(start);
        }
        if let Some(at) = body.iter().position(|l| sets(l, first)) {
            return Some(start + 1 + at);
        }
        // Or it has a table of its own: `[port.post.line]`.
        if let Some((own, inside)) = table([format!("[port.{port}.{first}]"), format!("[port.\"{port}\".{first}]")]) {
            return Some(inside.iter().position(|l| sets(l, last)).map_or(own, |at| own + 1 + at));
        }
        // Or it stands inside the table of another: `line = { t38 = "…" }`.
        Some(body.iter().position(|l| l.contains(key)).map_or(start, |at| start + 1 + at))
    }
}

/// Whether a line gives this key a value.
fn sets(line: &str, key: &str) -> bool {
    let rest = line.trim_start().trim_start_matches('"').strip_prefix(key);
    rest.is_some_and(|rest| rest.trim_start_matches('"').trim_start().starts_with(['=', '.']))
}

/// What is wrong, and the path of the key that the toml crate names behind it.
fn located(sentence: &str) -> (&str, Option<&str>) {
    let sentence = sentence.trim_end();
    match sentence.rsplit_once("; in `").and_then(|(what, path)| Some((what, path.strip_suffix('`')?))) {
        Some((what, path)) => (what, Some(path)),
        None => (sentence, None),
    }
}

/// The first line that holds the text a sentence quotes.
pub(super) fn line_of(text: &str, sentence: &str) -> Option<usize> {
    let quoted = sentence.split('`').skip(1).step_by(2).chain(sentence.split(['[', ']']).filter(|w| w.starts_with("port.")));
    quoted.filter(|q| !q.is_empty()).find_map(|q| text.lines().position(|l| l.contains(q)).map(|i| i + 1))
}

/// serde's words made people's: the nearest of many keys, and kinds of values by their names in TOML.
fn shorten(message: &str, path: Option<&str>) -> String {
    let mut quotes = message.split('`').skip(1).step_by(2);
    // A value's own reader may have named its key.
    let unnamed = path.filter(|path| !message.contains(path.rsplit('.').next().unwrap_or_default()));
    let about = unnamed.map_or(String::new(), |path| format!("`{path}`: "));
    match quotes.next() {
        Some(written) if message.starts_with("unknown field") => {
            let known: Vec<&str> = quotes.collect();
            match nearest(written, known.iter().copied()) {
                Some(meant) => format!("unknown key `{written}`; did you mean `{meant}`"),
                None if known.is_empty() => format!("unknown key `{written}`; no keys are known here"),
                None => format!("unknown key `{written}`; known here: {}", known.join(", ")),
            }
        }
        Some(written) if message.starts_with("unknown variant") => {
            let known: Vec<&str> = quotes.collect();
            let what = path.map_or(format!("`{written}`"), |path| format!("`{path} = \"{written}\"`"));
            match nearest(written, known.iter().copied()) {
                Some(meant) => format!("{what} is not known; did you mean \"{meant}\""),
                None => format!("{what} is not known; give one of \"{}\"", known.join("\", \"")),
            }
        }
        Some(key) if message.starts_with("missing field") => format!("{about}the key `{key}` is missing"),
        _ => about + &in_toml_words(message.trim_end()).replace('\n', " "),
    }
}

/// `invalid type: string "fifty", expected f64`: what stands there, and what should.
fn in_toml_words(message: &str) -> String {
    let Some((got, expected)) = message.strip_prefix("invalid type: ").and_then(|m| m.split_once(", expected ")) else {
        return message.to_owned();
    };
    let should = match expected {
        "f64" | "f32" => "a number, such as 50",
        "u8" | "u16" | "u32" | "u64" | "usize" | "i64" => "a whole number",
        "a string" | "path string" => "text in quotes",
        "a boolean" => "true or false",
        "a sequence" if got == "map" => "a list of tables: write [[route]] for each",
        "a sequence" => "a list, such as [\"cable\"]",
        "a map" => "a table",
        other => other,
    };
    let got = if got == "map" { "a table" } else { got };
    format!("{got} stands where {should} should")
}

/// A TOML or key error as `FILE:LINE: sentence`.
pub fn toml_error(name: &str, text: &str, error: &toml::de::Error) -> ConfigError {
    let line = error.span().map_or(1, |s| text[..s.start.min(text.len())].matches('\n').count() + 1);
    ConfigError(format!("{name}:{line}: {}", shorten(error.message(), None)))
}

#[cfg(test)]
mod tests {
    use super::super::{Station, StationConfig};

    const POST: &str = "station = \"washington\"\n[port.post] # the world outside\nbackend = \"email\"\nkind = \"gateway\"\n\
                        line = { listen = \"127.0.0.1:0\" }\nsize = 1000\n[port.cable]\nbackend = \"teletype\"\nbaud = 50\n\
                        [port.cable.line]\npty = \"x\"\n";

    fn refused(from: &str, to: &str) -> String {
        assert!(POST.contains(from));
        let config = StationConfig::parse("w.toml", &POST.replacen(from, to, 1)).unwrap();
        Station::builder().check(&config).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn what_a_backend_finds_wrong_has_the_line_of_its_key() {
        for (from, to, said) in [
            ("\"gateway\"", "\"gatway\"", "w.toml:4: port `post`: `kind = \"gatway\"` is not known; did you mean \"gateway\""),
            ("\"gateway\"", "\"x\"", "w.toml:4: port `post`: `kind = \"x\"` is not known; give one of \"line\", \"gateway\""),
            ("1000", "\"25MB\"", "w.toml:6: port `post`: `size`: string \"25MB\" stands where a whole number should"),
            ("size", "sise", "w.toml:6: port `post`: unknown key `sise`; did you mean `size`"),
            ("listen", "lissen", "w.toml:5: port `post`: unknown key `lissen`; did you mean `listen`"),
            ("\"127.0.0.1:0\"", "25", "w.toml:5: port `post`: `line.listen`: integer `25` stands where text in quotes should"),
            ("1000", "0", "w.toml:6: port `post`: `size = 0` cannot be"),
            ("50", "\"fifty\"", "w.toml:9: port `cable`: `baud`: string \"fifty\" stands where a number, such as 50 should"),
            ("pty = \"x\"", "pty = 7", "w.toml:11: port `cable`: `line.pty`: integer `7` stands where text in quotes should"),
        ] {
            let why = refused(from, to);
            assert!(why.starts_with(said), "{why}");
        }
    }
}
