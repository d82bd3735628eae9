//! MAIL and RCPT of a server session.
//!
//! Standards: RFC 5321 4.1.1.2 and 3; parameters RFC 1870, 3461, 4954 5, 6152, 6531 3.4, 6710.
//! In: the parsed command and its line (the parser cannot tell `MT-PRIORITY=0` from none, nor `<postmaster>` from `<>`). Out: a reply, the envelope.
//! Left out: parameters not offered in EHLO: 555. Shown by: `fixtures/dialogues/smtp/envelope-*`.

use super::address::{is_clean, is_plain};
use super::envelope::{Body, Envelope, Notify, Recipient, Return};
use super::priority;
use super::replies::Say;
use super::server::{Server, Standing};
use crate::message::Precedence;
use smtp_proto::{
    MAIL_BODY_7BIT, MAIL_BODY_8BITMIME, MAIL_BODY_BINARYMIME, MAIL_RET_FULL, MAIL_RET_HDRS, MAIL_SMTPUTF8, RCPT_NOTIFY_DELAY,
    RCPT_NOTIFY_FAILURE, RCPT_NOTIFY_NEVER, RCPT_NOTIFY_SUCCESS,
};
use smtp_proto::{MailFrom, RcptTo};
use std::borrow::Cow;

/// A reply that is a no, and what is said with it.
type No = (Say, String);

fn no<T>(say: Say, with: &str) -> Result<T, No> {
    Err((say, with.to_owned()))
}

/// The parameters of MAIL and RCPT that EHLO offers.
const MAIL: [&str; 7] = ["SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "MT-PRIORITY", "AUTH"];
const RCPT: [&str; 2] = ["NOTIFY", "ORCPT"];

impl Server {
    pub(super) fn mail(&mut self, line: &str, from: &MailFrom<Cow<'_, str>>) {
        if self.counts.messages >= self.config.limits.messages {
            return self.end(Say::TooManyMessages);
        }
        match self.may_begin().and_then(|()| self.opened(line, from)) {
            Ok(()) => self.say(Say::SenderOk, ""),
            Err((say, with)) => self.say(say, &with),
        }
    }

    fn may_begin(&self) -> Result<(), No> {
        match () {
            () if self.who.helo.is_empty() => no(Say::HelloFirst, ""),
            () if self.config.tls_required && !self.who.secured => no(Say::TlsFirst, ""),
            () if self.config.auth_required && !self.who.trusted() => no(Say::LoginFirst, ""),
            () if self.mail.is_some() => no(Say::MailOpen, ""),
            () => Ok(()),
        }
    }

    fn opened(&mut self, line: &str, from: &MailFrom<Cow<'_, str>>) -> Result<(), No> {
        self.parameters(line, &MAIL)?;
        let flag = |bit| from.flags & bit != 0;
        let utf8 = flag(MAIL_SMTPUTF8);
        let address = self.address(line, &from.address, utf8, Say::BadSender)?;
        if flag(MAIL_BODY_BINARYMIME) {
            return no(Say::NoSuchParameter, "BODY=BINARYMIME");
        }
        if flag(MAIL_BODY_7BIT) && flag(MAIL_BODY_8BITMIME) {
            return no(Say::BadParameter, "BODY");
        }
        if flag(MAIL_RET_FULL) && flag(MAIL_RET_HDRS) {
            return no(Say::BadParameter, "RET");
        }
        // The parser wraps numbers that are too large for it; they are read again here.
        let size = value(line, "SIZE").map(|v| v.parse::<u64>().unwrap_or(u64::MAX));
        if size.is_some_and(|s| s > self.config.limits.size) {
            return no(Say::TooBig, &self.config.limits.size.to_string());
        }
        if from.env_id.as_ref().is_some_and(|e| !is_clean(e)) {
            return no(Say::BadParameter, "ENVID");
        }
        let asked = match value(line, "MT-PRIORITY").map(|v| v.parse().ok().filter(|_| !v.starts_with('+')).and_then(priority::precedence))
        {
            Some(None) => return no(Say::BadParameter, "MT-PRIORITY"),
            asked => asked.flatten(),
        };
        let granted = asked.map(|p| if self.who.trusted() { p } else { p.min(Precedence::Routine) });
        self.asked = asked.filter(|a| granted != Some(*a));
        self.desks.clear();
        self.counts.over = 0;
        self.mail = Some(Envelope {
            from: address,
            to: vec![],
            size,
            body: if flag(MAIL_BODY_8BITMIME) { Body::Eight } else { Body::Seven },
            utf8,
            ret: flag(MAIL_RET_FULL).then_some(Return::Full).or(flag(MAIL_RET_HDRS).then_some(Return::Headers)),
            envid: from.env_id.as_ref().map(|e| e.clone().into_owned()),
            precedence: granted,
        });
        Ok(())
    }

    /// Only what was offered, each once (RFC 5321 4.1.1.11), and nothing at all after HELO.
    fn parameters(&self, line: &str, offered: &'static [&'static str]) -> Result<(), No> {
        let mut seen: Vec<&str> = vec![];
        for name in names(line) {
            let Some(known) = offered.iter().find(|o| o.eq_ignore_ascii_case(name)) else {
                return no(Say::NoSuchParameter, name);
            };
            if !self.who.extended || *known == "AUTH" && !self.config.auth {
                return no(Say::NoSuchParameter, known);
            }
            if seen.contains(known) {
                return no(Say::BadParameter, known);
            }
            seen.push(known);
        }
        Ok(())
    }

    /// The address of a path; `postmaster` alone is left to stand.
    fn address(&self, line: &str, parsed: &str, utf8: bool, bad: Say) -> Result<String, No> {
        let path = line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(path, _)| path.trim());
        match () {
            () if parsed.is_empty() && path.eq_ignore_ascii_case("postmaster") => Ok("postmaster".into()),
            () if parsed.is_empty() && path.is_empty() => Ok(String::new()),
            () if !is_plain(parsed) => no(bad, ""),
            () if !parsed.is_ascii() && !utf8 => no(Say::NeedsUtf8, ""),
            () => Ok(parsed.to_owned()),
        }
    }

    pub(super) fn rcpt(&mut self, line: &str, to: &RcptTo<Cow<'_, str>>) {
        match self.recipient(line, to) {
            Ok(()) => self.say(Say::RecipientOk, ""),
            // The rest comes in another message (RFC 5321 4.5.3.1.10): a list of recipients is no idle talk.
            Err((Say::TooManyRecipients, _)) if self.counts.over < self.config.limits.recipients => {
                self.counts.over += 1;
                self.counts.idle = 0;
                self.say(Say::TooManyRecipients, "");
            }
            Err((say, with)) => self.say(say, &with),
        }
    }

    fn recipient(&mut self, line: &str, to: &RcptTo<Cow<'_, str>>) -> Result<(), No> {
        let Some(mail) = &self.mail else { return no(Say::MailFirst, "") };
        if self.reader.is_some() {
            return no(Say::ChunksOpen, "");
        }
        let (utf8, taken) = (mail.utf8, mail.to.len());
        self.parameters(line, &RCPT)?;
        let address = self.address(line, &to.address, utf8, Say::BadRecipient)?;
        if address.is_empty() {
            return no(Say::BadRecipient, "");
        }
        let flag = |bit| to.flags & bit != 0;
        let notify = Notify {
            never: flag(RCPT_NOTIFY_NEVER),
            success: flag(RCPT_NOTIFY_SUCCESS),
            failure: flag(RCPT_NOTIFY_FAILURE),
            delay: flag(RCPT_NOTIFY_DELAY),
        };
        if notify.never && notify != (Notify { never: true, ..Notify::default() }) {
            return no(Say::BadParameter, "NOTIFY");
        }
        if to.orcpt.as_ref().is_some_and(|o| !is_clean(o)) {
            return no(Say::BadParameter, "ORCPT");
        }
        match self.config.directory.standing(&self.who, &address) {
            Standing::Known => {}
            Standing::Elsewhere if self.who.trusted() => {}
            Standing::Elsewhere => return no(Say::NoRelay, ""),
            Standing::Unknown => return no(Say::NoSuchDesk, ""),
            Standing::NotNow => return no(Say::NotNow, ""),
        }
        let recipient = Recipient { address, notify, original: to.orcpt.as_ref().map(|o| o.clone().into_owned()) };
        let again = self.mail.as_ref().is_some_and(|m| m.to.iter().any(|t| t.address == recipient.address));
        if !again && (taken >= self.config.limits.recipients || !self.has_room(&recipient.address)) {
            return no(Say::TooManyRecipients, "");
        }
        // Named twice, it is still one recipient; what was asked first stands.
        if let Some(mail) = self.mail.as_mut().filter(|_| !again) {
            mail.to.push(recipient);
        }
        self.counts.idle = 0;
        Ok(())
    }

    /// Whether the desk of this address is one of those that the message may be for. Who is known may write to as many as there are.
    fn has_room(&mut self, address: &str) -> bool {
        if self.who.trusted() {
            return true;
        }
        let desk = self.config.directory.owner(address);
        let room = self.desks.contains(&desk) || self.desks.len() < self.config.limits.desks;
        if room {
            self.desks.insert(desk);
        }
        room
    }
}

/// The names of the parameters behind the path.
fn names(line: &str) -> impl Iterator<Item = &str> {
    let behind = line.rsplit_once('>').map_or("", |(_, rest)| rest);
    behind.split([' ', '\t']).filter(|w| !w.is_empty()).map(|w| w.split('=').next().unwrap_or(w))
}

/// The value of a parameter, as it stands in the line.
fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let behind = line.rsplit_once('>').map_or("", |(_, rest)| rest);
    behind.split([' ', '\t']).filter_map(|w| w.split_once('=')).find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v)
}
