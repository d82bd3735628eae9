//! The parts of a mail, found in one pass over its lines.
//!
//! Standard: RFC 2046 5.1 (a delimiter is a whole line; a part also ends at the delimiter of a multipart around it).
//! In: bytes. Out: a tree of heads and slices, no deeper than [`DEEPEST`], no more than [`MOST_PARTS`]; nothing is copied.
//! Left out: what stands before the first and behind the last part of a multipart. Shown by: `email::mime::tests`, fuzz target `mail`.

use super::head::Head;
use super::{DEEPEST, LARGEST_HEADER, LARGEST_PART_HEADER, MOST_PARTS, Notes};
use std::collections::BTreeMap;

/// How the parts of a multipart belong together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Multi {
    /// One after the other.
    Mixed,
    /// The same, said in several ways.
    Alternative,
    /// Parts whose type is `message/rfc822` when none is given.
    Digest,
}

/// A part: with parts in it, or a leaf.
#[derive(Debug)]
pub(super) enum Node<'a> {
    Multi(Multi, Vec<Node<'a>>),
    Leaf(Leaf<'a>),
}

/// A part without parts.
#[derive(Debug)]
pub(super) struct Leaf<'a> {
    pub head: Head,
    pub body: &'a [u8],
}

/// A leaf for who reads a mail by its types: a delivery report, say.
#[derive(Debug)]
pub struct Entity<'a> {
    /// In lower case.
    pub media_type: String,
    head: Head,
    body: &'a [u8],
}

impl Entity<'_> {
    /// Its text, decoded, at the most `most` bytes of what came.
    pub fn text(&self, most: usize) -> String {
        super::text::lossy(&self.head, &self.body[..self.body.len().min(most)])
    }
}

/// All leaves of a mail, in their order; the type of the whole mail first.
pub fn leaves(mail: &[u8]) -> (String, Vec<Entity<'_>>) {
    let tree = walk(mail, &mut Notes::default());
    let mut found = vec![];
    flatten(tree.root, &mut found);
    (tree.head.media_type, found)
}

fn flatten<'a>(node: Node<'a>, out: &mut Vec<Entity<'a>>) {
    match node {
        Node::Multi(_, children) => children.into_iter().for_each(|c| flatten(c, out)),
        Node::Leaf(Leaf { head, body }) => out.push(Entity { media_type: head.media_type.clone(), head, body }),
    }
}

/// A mail taken apart.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    /// The mail's own head.
    pub head: Head,
    /// The bytes of its header.
    pub header: &'a [u8],
    pub root: Node<'a>,
    /// Whether it had more parts than are taken apart.
    pub cut: bool,
}

struct Open<'a> {
    multi: Multi,
    boundary: Vec<u8>,
    /// The whole of it, for a multipart in which no part begins.
    begin: usize,
    head: Head,
    children: Vec<Node<'a>>,
}

struct Walker<'a, 'n> {
    data: &'a [u8],
    notes: &'n mut Notes,
    open: Vec<Open<'a>>,
    boundaries: BTreeMap<Vec<u8>, usize>,
    leaf: Option<(Head, usize)>,
    parts: usize,
    root: Option<Node<'a>>,
}

/// Takes a mail apart.
pub(super) fn walk<'a>(data: &'a [u8], notes: &mut Notes) -> Tree<'a> {
    let mut w = Walker { data, notes, open: vec![], boundaries: BTreeMap::new(), leaf: None, parts: 0, root: None };
    let body = w.header_end(0);
    let header = &data[..body];
    let root_head = w.head(header, LARGEST_HEADER, None);
    w.begin(root_head.clone(), body);
    let cut = w.lines(body);
    w.finish();
    let empty = || Node::Leaf(Leaf { head: root_head.clone(), body: &[] });
    Tree { root: w.root.take().unwrap_or_else(empty), head: root_head, header, cut }
}

/// The line that begins at `at`: its content without its end, and where the next begins.
fn line(data: &[u8], at: usize) -> (&[u8], usize) {
    let end = data[at..].iter().position(|b| *b == b'\n').map_or(data.len(), |n| at + n);
    let content = &data[at..end];
    (content.strip_suffix(b"\r").unwrap_or(content), (end + 1).min(data.len()))
}

/// Whether a line can stand in a header: a field's first line, or its continuation, or the line that mbox files put before.
fn is_header(line: &[u8], first: bool) -> bool {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return !first;
    }
    let name = line.iter().take(100).position(|b| *b == b':').map(|n| line[..n].trim_ascii_end());
    name.is_some_and(|n| !n.is_empty() && n.iter().all(|b| b.is_ascii_graphic()))
        || first && (line.starts_with(b"From ") || line.starts_with(b">From "))
}

impl<'a> Walker<'a, '_> {
    /// Where the header that begins at `at` has ended and the body begins.
    fn header_end(&mut self, at: usize) -> usize {
        let mut next = at;
        while next < self.data.len() {
            let (content, after) = line(self.data, next);
            if content.is_empty() {
                return after;
            }
            if !is_header(content, next == at) || self.delimiter(content).is_some() {
                return next;
            }
            next = after;
        }
        next
    }

    fn head(&mut self, header: &[u8], most: usize, around: Option<Multi>) -> Head {
        if header.len() > most {
            self.notes.say(format!("a header of {} bytes; only the first {most} were read", header.len()));
        }
        let mut head = Head::read(&header[..header.len().min(most)]);
        if around == Some(Multi::Digest) && head.untyped {
            head.media_type = "message/rfc822".into();
        }
        head
    }

    /// A part whose body begins at `body`: a multipart is opened, anything else is a leaf until the next delimiter.
    fn begin(&mut self, mut head: Head, body: usize) {
        let deep = self.open.len() >= DEEPEST;
        match head.multipart() {
            Some(_) if deep => self.notes.say(format!("multiparts more than {DEEPEST} deep; what lies deeper is attached as it came")),
            Some((multi, boundary)) if !self.boundaries.contains_key(boundary) => {
                let boundary = boundary.to_vec();
                self.boundaries.insert(boundary.clone(), self.open.len());
                self.open.push(Open { multi, boundary, begin: body, head, children: vec![] });
                return;
            }
            Some(_) => self.notes.say("a multipart with the boundary of the one around it; its parts were read as those of the outer"),
            None if head.media_type.starts_with("multipart/") => {
                self.notes.say("a multipart that does not say what parts it; it was read as text");
                head.media_type = "text/plain".into();
            }
            None => {}
        }
        self.leaf = Some((head, body));
    }

    /// Whether a line is a delimiter of an open multipart: which, and whether it closes it.
    fn delimiter(&self, line: &[u8]) -> Option<(usize, bool)> {
        let rest = line.strip_prefix(b"--")?.trim_ascii_end();
        if self.boundaries.is_empty() || rest.len() > 1_000 {
            return None;
        }
        let open = self.boundaries.get(rest).map(|d| (*d, false));
        open.or_else(|| Some((*self.boundaries.get(rest.strip_suffix(b"--")?.trim_ascii_end())?, true)))
    }

    /// All lines from `at`; `true` if there were too many parts.
    fn lines(&mut self, mut at: usize) -> bool {
        // Where no multipart is open no line is a delimiter: most mails end here.
        while at < self.data.len() && !self.boundaries.is_empty() {
            let (content, after) = line(self.data, at);
            let Some((depth, closes)) = self.delimiter(content) else {
                at = after;
                continue;
            };
            self.end_leaf(at);
            while self.open.len() > depth + 1 {
                self.notes.say("a multipart without its end");
                self.close(at);
            }
            if closes {
                self.close(at);
                at = after;
                continue;
            }
            self.parts += 1;
            if self.parts > MOST_PARTS {
                return true;
            }
            let body = self.header_end(after);
            let around = self.open.last().map(|o| o.multi);
            let head = self.head(&self.data[after..body], LARGEST_PART_HEADER, around);
            self.begin(head, body);
            at = body;
        }
        false
    }

    /// The leaf ends before the delimiter that begins at `at`; the line end before a delimiter belongs to it.
    fn end_leaf(&mut self, at: usize) {
        let Some((head, body)) = self.leaf.take() else { return };
        let end = at.max(body);
        let slice = &self.data[body..end];
        let slice = if at > body { slice.strip_suffix(b"\n").map(|s| s.strip_suffix(b"\r").unwrap_or(s)).unwrap_or(slice) } else { slice };
        self.put(Node::Leaf(Leaf { head, body: slice }));
    }

    fn close(&mut self, at: usize) {
        let Some(mut open) = self.open.pop() else { return };
        self.boundaries.remove(&open.boundary);
        if open.children.is_empty() {
            self.notes.say("a multipart without parts; what it holds was read as text");
            open.head.media_type = "text/plain".into();
            open.children.push(Node::Leaf(Leaf { head: open.head, body: &self.data[open.begin..at.max(open.begin)] }));
        }
        self.put(Node::Multi(open.multi, open.children));
    }

    fn put(&mut self, node: Node<'a>) {
        match self.open.last_mut() {
            Some(open) => open.children.push(node),
            None => self.root = self.root.take().or(Some(node)),
        }
    }

    fn finish(&mut self) {
        let end = self.data.len();
        if let Some((head, body)) = self.leaf.take() {
            self.put(Node::Leaf(Leaf { head, body: &self.data[body.min(end)..] }));
        }
        if !self.open.is_empty() {
            self.notes.say("the mail ends within a multipart");
        }
        while !self.open.is_empty() {
            self.close(end);
        }
    }
}
