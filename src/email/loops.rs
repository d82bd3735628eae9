//! What keeps mails from going round: hops, our own trace, and who is not answered.
//!
//! Standards: RFC 5321 6.3 (counting `Received`, 100 at the least), RFC 3834 2 (who gets no automatic answer).
//! In: a mail's heading. Out: why it is not taken, or whether it may be answered. Left out: aliases that a configuration turns in a ring.
//! Shown by: the tests here.

use super::mime::{self, Automatic, Heading};
use crate::message::Name;

/// The most `Received` fields a mail may have (RFC 5321 6.3).
pub const MOST_HOPS: usize = 100;

/// Why a mail goes round, if it does: too many hosts, or this station is in its own trace.
pub fn round(heading: &Heading, here: &Name) -> Option<String> {
    if heading.hops > MOST_HOPS {
        return Some(format!("the mail went through {} hosts, more than {MOST_HOPS}; it goes round in a loop", heading.hops));
    }
    let ours = heading.via.contains(here) || heading.identity.as_ref().is_some_and(|id| id.station == *here) && heading.hops > 1;
    ours.then(|| format!("the mail was at {} before; it goes round in a loop", here.upper()))
}

/// The most times a mail may have come through this host: an alias outside may bring one back, a ring never ends.
pub const MOST_PASSES: usize = 5;

/// How often a mail has come through this host before, by the `Received` fields that name it.
pub fn passes(header: &[u8], host: &str) -> usize {
    let by = |field: &String| {
        let mut words = field.split_ascii_whitespace().skip_while(|w| !w.eq_ignore_ascii_case("by"));
        words.nth(1).is_some_and(|name| name.trim_end_matches(';').eq_ignore_ascii_case(host))
    };
    mime::all(mime::header_of(header), "Received").take(MOST_HOPS).filter(by).count()
}

/// Whether a program may answer it by itself (a receipt, a note that something was not printed): not a notice, a list, another program.
pub fn may_answer(heading: &Heading, reverse_path: &str) -> bool {
    let local = reverse_path.rsplit_once('@').map_or(reverse_path, |(local, _)| local).to_ascii_lowercase();
    let program = ["mailer-daemon", "postmaster", "listserv", "majordomo", "noreply", "no-reply"].contains(&local.as_str())
        || local.starts_with("owner-")
        || local.ends_with("-request");
    !reverse_path.is_empty() && heading.automatic == Automatic::No && !program
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heading(header: &str) -> Heading {
        Heading::read(header.as_bytes())
    }

    #[test]
    fn a_mail_that_goes_round_is_told_by_its_hops_and_by_our_trace() {
        let here = "moscow".parse().unwrap();
        let hops = |n: usize| heading(&"Received: from a by b\r\n".repeat(n));
        assert_eq!(round(&hops(MOST_HOPS), &here), None);
        assert!(round(&hops(MOST_HOPS + 1), &here).unwrap().contains("101 hosts"));
        assert!(round(&heading("Molink-Via: london moscow\r\n"), &here).unwrap().contains("MOSCOW before"));
        assert_eq!(round(&heading("Molink-Via: london\r\n"), &here), None);
        let own = "Molink-Identity: MOSCOW-0001-20161031T1200Z\r\n";
        assert_eq!(round(&heading(own), &here), None, "our own mail, from our own desk");
        assert!(round(&heading(&format!("Received: x\r\nReceived: y\r\n{own}")), &here).is_some());
    }

    #[test]
    fn how_often_a_mail_came_through_is_told_by_the_trace() {
        let ours = "Received: from x ([192.0.2.1])\r\n\tby moscow.example with ESMTP id 7;\r\n\tMon, 31 Oct 2016 12:00:00 +0000\r\n";
        let other = "Received: from by.moscow.example by mx.example\r\nReceived: by\r\nReceived:\r\n";
        assert_eq!(passes(format!("{other}{ours}{other}{ours}Subject: by moscow.example\r\n\r\n{ours}").as_bytes(), "Moscow.Example"), 2);
        assert_eq!(passes(other.as_bytes(), "moscow.example"), 0);
    }

    #[test]
    fn programs_and_lists_are_not_answered() {
        assert!(may_answer(&heading("Subject: x\r\n"), "a@b.example"));
        assert!(may_answer(&heading("Auto-Submitted: no\r\n"), "a@b.example"));
        for header in [
            "Auto-Submitted: auto-replied\r\n",
            "Auto-Submitted: auto-generated; x=y\r\n",
            "Precedence: bulk\r\n",
            "Precedence: list\r\n",
            "List-Id: <x.example>\r\n",
            "Return-Path: <>\r\n",
            "Content-Type: multipart/report; boundary=x\r\n",
        ] {
            assert!(!may_answer(&heading(header), "a@b.example"), "{header}");
        }
        for path in ["", "MAILER-DAEMON@b.example", "owner-list@b.example", "list-request@b.example", "postmaster"] {
            assert!(!may_answer(&heading(""), path), "{path}");
        }
    }
}
