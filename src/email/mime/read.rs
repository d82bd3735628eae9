//! The bytes of a mail as texts and files.
//!
//! Standards: RFC 2045, 2046 (types, multiparts), 2183 (disposition); TNEF is named, not taken apart. In: bytes. Out: a [`Mail`], whatever they are.
//! Memory: the texts, [`LONGEST_TEXT`] each as they came, and a list of slices; a file is decoded when it is asked for.
//! Left out: what is in a file. Shown by: `email::mime::tests`, `fixtures/mail`, fuzz target `mail`.

use super::alternative::{Choice, chosen};
use super::attached::Attached;
use super::head::Coding;
use super::own::Kind;
use super::walk::{Leaf, Multi, Node, walk};
use super::{Heading, LONGEST_TEXT, MOST_PARTS, Mail, Notes, Piece, name, text, uuencode};

/// Reads a mail. Anything is one: what has no header is a text without one. The bytes behind [`super::LARGEST`] are passed over.
pub fn read(mail: &[u8]) -> Mail<'_> {
    let mut notes = Notes::default();
    if mail.len() > super::LARGEST {
        notes.say(format!("a mail of {} bytes; only the first {} were read", mail.len(), super::LARGEST));
    }
    let mail = &mail[..mail.len().min(super::LARGEST)];
    let tree = walk(mail, &mut notes);
    let heading = Heading::read(tree.header);
    let mut reader = Reader { ours: heading.identity.is_some(), files: 0, text: 0, notes };
    let single = matches!(tree.root, Node::Leaf(_));
    let mut pieces = reader.node(tree.root, single).pieces;
    if tree.cut {
        reader.notes.say(format!("more than {MOST_PARTS} parts; the whole mail is attached as it came"));
        pieces.push(reader.attach(mail, Coding::Plain, Some("original.eml"), "message/rfc822", None));
    }
    Mail { heading, pieces, notes: reader.notes.0 }
}

struct Reader {
    /// Whether it is a message of a station, whose texts are taken exactly.
    ours: bool,
    files: usize,
    /// Bytes of texts so far, as they came.
    text: usize,
    notes: Notes,
}

impl Reader {
    fn node<'a>(&mut self, node: Node<'a>, single: bool) -> Choice<'a> {
        match node {
            Node::Leaf(leaf) => self.leaf(leaf, single),
            Node::Multi(multi, children) => {
                let choices: Vec<Choice<'a>> = children.into_iter().map(|c| self.node(c, false)).collect();
                match multi {
                    Multi::Alternative => chosen(choices),
                    Multi::Mixed | Multi::Digest => {
                        let plain = choices.iter().all(|c| c.plain);
                        Choice { pieces: choices.into_iter().flat_map(|c| c.pieces).collect(), plain }
                    }
                }
            }
        }
    }

    fn leaf<'a>(&mut self, leaf: Leaf<'a>, single: bool) -> Choice<'a> {
        let Leaf { head, body } = leaf;
        if let Some(coding) = &head.strange_coding {
            self.notes
                .say(format!("a part in the transfer encoding `{}`, which is not known; it was taken as it came", coding.escape_debug()));
        }
        let kind = head.own.as_ref().filter(|_| self.ours).map(|o| o.kind);
        if kind == Some(Kind::None) || body.is_empty() && head.media_type.starts_with("multipart/") {
            return Choice { pieces: vec![], plain: true };
        }
        if kind == Some(Kind::Text)
            && let Some(text) = text::exact(&head, body)
        {
            // The line end that ends a mail is the mail's, not the text's.
            let text = if single { text.strip_suffix('\n').unwrap_or(&text).to_owned() } else { text };
            return Choice { pieces: vec![Piece::Text(text)], plain: true };
        }
        let readable =
            matches!(head.media_type.as_str(), "text/plain" | "text/html" | "text/enriched" | "text/markdown" | "text/x-amp-html");
        let is_text = readable && !head.attachment && (head.name.is_none() || single) && kind.is_none() && head.coding != Coding::Uuencode;
        if !is_text {
            return Choice { pieces: vec![self.file(&head, body)], plain: true };
        }
        if body.len() > LONGEST_TEXT || self.text + body.len() > 4 * LONGEST_TEXT {
            self.notes.say(format!("a text of {} bytes; it is attached as it came", body.len()));
            return Choice { pieces: vec![self.file(&head, body)], plain: true };
        }
        self.text += body.len();
        let plain = head.media_type != "text/html";
        let mut pieces = vec![];
        let mut at = 0;
        let within = if plain && head.coding == Coding::Plain { uuencode::within(body) } else { vec![] };
        for file in within {
            self.say(&head, &body[at..file.range.start], &mut pieces);
            at = file.range.end;
            pieces.push(self.attach(&body[file.range.clone()], Coding::Uuencode, Some(&file.name), "application/octet-stream", None));
        }
        self.say(&head, &body[at..], &mut pieces);
        Choice { pieces, plain }
    }

    fn say<'a>(&mut self, head: &super::head::Head, body: &[u8], pieces: &mut Vec<Piece<'a>>) {
        let text = text::readable(head, body, &mut self.notes);
        if !text.trim().is_empty() {
            pieces.push(Piece::Text(text));
        }
    }

    fn file<'a>(&mut self, head: &super::head::Head, body: &'a [u8]) -> Piece<'a> {
        let own = head.own.as_ref().filter(|_| self.ours);
        let media_type = own.and_then(|o| o.media_type.clone()).unwrap_or_else(|| head.media_type.clone());
        if media_type == "application/ms-tnef" || head.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case("winmail.dat")) {
            self.notes.say("`winmail.dat` is Outlook's own form of a mail; it is attached, and what is in it is not shown");
        }
        // A forwarded mail is known by what it is about.
        let subject = || match media_type == "message/rfc822" && head.coding == Coding::Plain {
            true => Some(Heading::read(super::header_of(&body[..body.len().min(super::LARGEST_PART_HEADER)])).subject)
                .filter(|s| !s.is_empty())
                .map(|s| format!("{s}.eml")),
            false => None,
        };
        let named = head.name.clone().filter(|n| !n.is_empty()).or_else(subject);
        self.attach(body, head.coding, named.as_deref(), &media_type, own)
    }

    fn attach<'a>(
        &mut self,
        body: &'a [u8],
        coding: Coding,
        named: Option<&str>,
        media_type: &str,
        own: Option<&super::own::Own>,
    ) -> Piece<'a> {
        self.files += 1;
        let safe = named.and_then(name::safe);
        if let (Some(came), true) = (named, safe.as_deref() != named) {
            let shown: String = came.chars().take(80).collect();
            self.notes.say(format!("a file named `{}` got a safe name", shown.escape_debug()));
        }
        let name = safe.unwrap_or_else(|| name::made_up(self.files, media_type));
        let (mut file, bad) = Attached::of(body, coding, name, media_type.to_owned());
        if bad > 0 {
            self.notes.say(format!("`{}` came with {bad} damaged signs in its transfer encoding", file.blob.name));
        }
        if own.and_then(|o| o.sha256.as_ref()).is_some_and(|sent| *sent != file.blob.sha256) {
            self.notes.say(format!("`{}` was changed on the way: its SHA-256 is not the one it was sent with", file.blob.name));
        }
        if let Some(own) = own {
            file.page = own.kind == Kind::Page;
        }
        Piece::File(file)
    }
}
