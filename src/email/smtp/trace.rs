//! The `Received` line a server puts on top of what it takes.
//!
//! Standards: RFC 5321 4.4; the `with` words RFC 3848 and RFC 6531 4.3.
//! In: who sent it, under which identity it is filed, the date as RFC 5322 writes it. Out: the line, folded, with its CR LF.
//! Left out: counting the lines that are there already (who reads the header does). Shown by: the tests here.

use super::envelope::Who;

/// How a mail came: SMTP, ESMTP, with S for TLS and A for a login; UTF8SMTP with SMTPUTF8.
pub fn with(who: &Who, utf8: bool) -> String {
    let base = if utf8 {
        "UTF8SMTP"
    } else if who.extended {
        "ESMTP"
    } else {
        "SMTP"
    };
    // RFC 3848 has no form of SMTP without EHLO for the two letters.
    let letter = |set: bool, letter: &'static str| if set && (utf8 || who.extended) { letter } else { "" };
    format!("{base}{}{}", letter(who.secured, "S"), letter(who.login.is_some(), "A"))
}

/// The line. What the far end said of itself is written only as far as it is harmless.
pub fn received(who: &Who, by: &str, utf8: bool, id: &str, date: &str) -> String {
    let clean = |text: &str| -> String { text.chars().filter(|c| c.is_ascii_graphic() && !"()<>;\\\"".contains(*c)).take(255).collect() };
    let helo = Some(clean(&who.helo)).filter(|h| !h.is_empty()).unwrap_or_else(|| "unknown".into());
    format!(
        "Received: from {helo} ([{}])\r\n\tby {} with {} id {};\r\n\t{}\r\n",
        clean(&who.address),
        clean(by),
        with(who, utf8),
        clean(id),
        date
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_calls_itself_cannot_write_headers() {
        let who = Who { helo: "x (\r\nBcc: y".into(), address: "192.0.2.1".into(), extended: true, secured: true, ..Who::default() };
        assert_eq!(
            received(&who, "moscow", false, "MOSCOW-0001-20131031T1200Z", "Sun, 31 Oct 2016 12:00:00 +0000"),
            "Received: from xBcc:y ([192.0.2.1])\r\n\tby moscow with ESMTPS id MOSCOW-0001-20131031T1200Z;\r\n\tSun, 31 Oct 2016 12:00:00 +0000\r\n"
        );
        assert_eq!(with(&Who { login: Some("op".into()), ..who.clone() }, true), "UTF8SMTPSA");
        assert_eq!(with(&Who { extended: false, ..who }, false), "SMTP");
    }
}
