//! HTML as text that can be read on paper: paragraphs, lists, links with their address.
//!
//! Standard: HTML as mails have it; no parser of the living standard. In: HTML. Out: text in lines parted by LF, [`LONGEST`] bytes at the most.
//! Time and memory grow with the length, whatever is in it. Left out: styles, forms, what a script or a hidden element would do.
//! Shown by: the tests here, `fixtures/mail/html-only.eml`.

use mail_parser::decoders::html::add_html_token;

/// The most bytes of text.
pub const LONGEST: usize = 2 << 20;
/// The longest address of a link that is written out, in bytes.
const LONGEST_LINK: usize = 500;
/// The longest tag, in bytes; a longer one is text.
const LONGEST_TAG: usize = 4_000;
/// Bytes that may be looked through in vain for the end of a tag; then `<` is a sign like any other.
const PATIENCE: usize = 4 << 20;

#[derive(Default)]
struct Text {
    out: String,
    /// Line ends owed before the next word.
    owed: usize,
    space: bool,
    pre: usize,
    /// The lists we are in; a number for those that count.
    lists: Vec<Option<u32>>,
    /// The address of the link we are in, and where its text began.
    link: Option<(String, usize)>,
}

/// The text of an HTML document.
pub fn to_text(html: &str) -> String {
    let mut text = Text::default();
    let (mut rest, mut patience) = (html, PATIENCE);
    while !rest.is_empty() && text.out.len() < LONGEST {
        let at = rest.find('<').unwrap_or(rest.len());
        text.words(&rest[..at]);
        rest = &rest[at..];
        if rest.is_empty() {
            break;
        }
        rest = match tag(rest, &mut patience) {
            Some((content, after)) => text.element(content, after),
            None => {
                text.words("<");
                &rest[1..]
            }
        };
    }
    text.end_link();
    let mut end = text.out.len().min(LONGEST);
    while !text.out.is_char_boundary(end) {
        end -= 1;
    }
    text.out.truncate(end);
    text.out
}

/// At a `<`: what stands in the tag, and what follows it; `None` if it begins none. A comment is a tag named `!--`.
fn tag<'a>(rest: &'a str, patience: &mut usize) -> Option<(&'a str, &'a str)> {
    let first = rest[1..].chars().next()?;
    if *patience == 0 || !(first.is_ascii_alphabetic() || matches!(first, '/' | '!' | '?')) {
        return None;
    }
    if rest.starts_with("<!--") {
        let after = rest.find("-->").map_or("", |end| &rest[end + 3..]);
        return Some(("!--", after));
    }
    let mut quote = 0;
    for (at, &b) in rest.as_bytes().iter().enumerate().skip(1).take(LONGEST_TAG) {
        match b {
            b'>' if quote == 0 => return Some((&rest[1..at], &rest[at + 1..])),
            b'<' if quote == 0 => break,
            b'"' | b'\'' if quote == 0 && rest.as_bytes()[at - 1].is_ascii_whitespace() | (rest.as_bytes()[at - 1] == b'=') => quote = b,
            _ if quote == b => quote = 0,
            _ => {}
        }
    }
    *patience = patience.saturating_sub(LONGEST_TAG.min(rest.len()));
    None
}

/// The value of an attribute of a tag.
fn attribute(content: &str, name: &str) -> Option<String> {
    let lower = content.to_ascii_lowercase();
    let mut from = 0;
    while let Some(found) = lower[from..].find(name) {
        let (begin, end) = (from + found, from + found + name.len());
        from = end;
        let parted = lower[..begin].ends_with(|c: char| c.is_ascii_whitespace() || c == '"' || c == '\'');
        let Some(value) = content[end..].trim_start().strip_prefix('=').filter(|_| parted).map(str::trim_start) else { continue };
        let value = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].split(quote).next(),
            _ => value.split(|c: char| c.is_ascii_whitespace()).next(),
        };
        return value.map(unescaped);
    }
    None
}

/// With the characters that stand as `&name;` or `&#number;`.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest
            .bytes()
            .take(34)
            .position(|b| b == b';')
            .filter(|e| *e > 1 && rest[1..*e].bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#'));
        match end {
            Some(end) => add_html_token(&mut out, &rest.as_bytes()[..=end], false),
            None => out.push('&'),
        }
        rest = &rest[end.unwrap_or(0) + 1..];
    }
    out.push_str(rest);
    out
}

impl Text {
    fn words(&mut self, raw: &str) {
        if raw.is_empty() {
            return;
        }
        for c in unescaped(raw).chars() {
            match c {
                '\n' if self.pre > 0 => {
                    self.owe(self.owed + 1);
                    self.space = false;
                }
                ' ' | '\t' if self.pre > 0 => {
                    self.flush();
                    self.out.push(c);
                }
                c if c.is_whitespace() => self.space = true,
                '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{34f}' => {}
                c if c.is_control() => {}
                c => {
                    self.flush();
                    self.out.push(c);
                }
            }
        }
    }

    /// Line ends and the space that stand before the next word.
    fn flush(&mut self) {
        if self.owed > 0 {
            if !self.out.is_empty() {
                let most = if self.pre > 0 { self.owed.min(10) } else { self.owed.min(2) };
                self.out.extend(std::iter::repeat_n('\n', most));
            }
        } else if self.space && !self.out.is_empty() {
            self.out.push(' ');
        }
        (self.owed, self.space) = (0, false);
    }

    fn owe(&mut self, ends: usize) {
        self.owed = self.owed.max(ends);
    }

    /// Takes a tag; gives where to go on.
    fn element<'a>(&mut self, content: &str, after: &'a str) -> &'a str {
        let (closes, content) = content.strip_prefix('/').map_or((false, content), |c| (true, c));
        let name: String = content.chars().take_while(char::is_ascii_alphanumeric).take(20).collect::<String>().to_ascii_lowercase();
        match name.as_str() {
            "script" | "style" | "title" | "template" | "noscript" if !closes => return behind(after, &name),
            "br" => self.owe(self.owed + 1),
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "table" | "blockquote" | "dl" | "figure" => self.owe(2),
            "ul" | "ol" => self.list(&name, closes),
            "div" | "tr" | "section" | "article" | "header" | "footer" | "dt" | "dd" | "form" | "address" | "center" | "main" | "nav" => {
                self.owe(1)
            }
            "li" if !closes => self.item(),
            "td" | "th" if !closes => self.space = true,
            "pre" => {
                self.owe(2);
                self.pre = if closes { self.pre.saturating_sub(1) } else { self.pre + 1 };
            }
            "hr" => {
                self.owe(1);
                self.words("----");
                self.owe(1);
            }
            "img" => {
                if let Some(alt) = attribute(content, "alt").filter(|a| !a.trim().is_empty()) {
                    self.words(&format!("[{}]", alt.trim().chars().take(200).collect::<String>().replace(['&', '<'], " ")));
                }
            }
            "a" => {
                self.end_link();
                let address = attribute(content, "href").filter(|_| !closes).and_then(|href| shown(&href));
                self.link = address.map(|a| (a, self.out.len()));
            }
            _ => {}
        }
        after
    }

    fn list(&mut self, name: &str, closes: bool) {
        self.owe(if self.lists.is_empty() || closes && self.lists.len() == 1 { 2 } else { 1 });
        match closes {
            true => drop(self.lists.pop()),
            false if self.lists.len() < 20 => self.lists.push((name == "ol").then_some(0)),
            false => {}
        }
    }

    fn item(&mut self) {
        self.owe(1);
        self.flush();
        self.out.extend(std::iter::repeat_n("  ", self.lists.len().saturating_sub(1)));
        match self.lists.last_mut() {
            Some(Some(n)) => {
                *n += 1;
                self.out += &format!("{n}.");
            }
            Some(None) | None => self.out.push('-'),
        }
        self.space = true;
    }

    /// Behind a link's text stands its address, if the text does not say it.
    fn end_link(&mut self) {
        let Some((address, began)) = self.link.take() else { return };
        let bare = address.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
        if !self.out[began.min(self.out.len())..].contains(bare) {
            let (owed, space) = (std::mem::take(&mut self.owed), std::mem::take(&mut self.space));
            self.out += &format!("{}<{address}>", if self.out.is_empty() { "" } else { " " });
            (self.owed, self.space) = (owed, space);
        }
    }
}

/// The address of a link as it is written out; none for places in the page, scripts and data.
fn shown(href: &str) -> Option<String> {
    let href = href.trim();
    let address = href.strip_prefix("mailto:").unwrap_or(href);
    let lower = href.get(..9).unwrap_or(href).to_ascii_lowercase();
    let known = ["http://", "https://", "mailto:", "tel:", "ftp://"].iter().any(|s| lower.starts_with(s));
    (known && address.len() <= LONGEST_LINK && !address.chars().any(|c| c.is_control() || c.is_whitespace())).then(|| address.to_owned())
}

/// What follows the closing tag of that name; nothing if it is never closed.
fn behind<'a>(rest: &'a str, name: &str) -> &'a str {
    let (bytes, name) = (rest.as_bytes(), name.as_bytes());
    let closes = |at: usize| {
        bytes[at] == b'<'
            && bytes.get(at + 1) == Some(&b'/')
            && bytes.get(at + 2..at + 2 + name.len()).is_some_and(|n| n.eq_ignore_ascii_case(name))
    };
    let Some(at) = (0..bytes.len()).find(|at| closes(*at)) else { return "" };
    rest[at..].find('>').map_or("", |end| &rest[at + end + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_of_html_reads_as_text() {
        let html = "<html><head><title>x</title><style>p{color:red}</style></head><body><!-- c > --><h1>Notice&nbsp;No. 1</h1>\n<p>Line   one<br>line two &amp; &#1055;&#x440;ивет &lt;b&gt;</p>\
            <ul><li>one</li><li>two<ul><li>deep</li></ul></li></ul><ol><li>a<li>b</ol><p>See <a href='https://example.org/a?b=1&amp;c=2'>the page</a>, \
            <a href=\"https://example.org/\">example.org</a>, <a href=mailto:a@b.example>write</a>, <a href='javascript:x()'>no</a>.</p>\
            <table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table><pre>a  b\n  c</pre><img alt=\"seal\" src=cid:1><hr>end<script>alert(1)</script></body>";
        assert_eq!(
            to_text(html),
            "Notice No. 1\n\nLine one\nline two & Привет <b>\n\n- one\n- two\n  - deep\n\n1. a\n2. b\n\nSee the page <https://example.org/a?b=1&c=2>, \
             example.org, write <a@b.example>, no.\n\n1 2\n3\n\na  b\n  c\n\n[seal]\n----\nend"
        );
    }

    #[test]
    fn what_is_broken_is_read_as_far_as_it_goes() {
        for (html, text) in [
            ("", ""),
            ("a < b && c > d", "a < b && c > d"),
            ("<p>never closed", "never closed"),
            ("<a href=\"http://x.example/", "<a href=\"http://x.example/"),
            ("<!-- never closed <p>x", ""),
            ("<script>never closed", ""),
            ("&#xffffffff;&#0;&nonesuch;&;&#;", "\u{fffd}&nonesuch;&;&#;"),
            ("<p title='a>b'>x</p>", "x"),
            ("</a></ul></li></pre>x", "x"),
            ("<div>don't</div>", "don't"),
        ] {
            assert_eq!(to_text(html), text, "{html}");
        }
    }

    #[test]
    fn hostile_html_costs_no_more_than_its_length() {
        for piece in ["<!--", "<a '\"", "<a <", "<ul>", "<pre>\n", "<a href=http://x.example>", "&", "<script", "<a \"'", "&#1"] {
            let text = to_text(&piece.repeat((1 << 18) / piece.len()));
            assert!(text.len() <= LONGEST, "{piece}");
        }
    }
}
