//! What keeps mails from going round: hops, our own trace, and who is not answered.
//!
//! Standards: RFC 5321 6.3 (counting `Received`, 100 at the least), RFC 3834 2 (who gets no automatic answer).
//! In: a mail's heading. Out: why it is not taken, or whether it may be answered. Left out: aliases that a configuration turns in a ring.
//! Shown by: the tests here.

use super::mime::{Automatic, Heading};
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
