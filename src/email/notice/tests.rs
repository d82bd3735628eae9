//! The tests of notices: to whom they go, what they say, and that none is made about another.

use super::*;
use crate::email::mime::{Automatic, Heading};

const ORIGINAL: &[u8] = b"Received: from a\r\nSubject: a test of the line\r\nMessage-ID: <1@washington>\r\nMolink-Identity: WASHINGTON-0001-20161031T1200Z\r\n\r\nthe text\r\n";

fn recipient(address: &str, notify: Notify, original: Option<&str>) -> Recipient {
    Recipient { address: address.into(), notify, original: original.map(str::to_owned) }
}

fn told(recipient: Recipient, action: Action, status: &str) -> Told {
    Told { recipient, action, status: status.into(), why: "No such desk.".into(), answer: None, until: None }
}

fn written(from: &str, ret: Option<Return>, original: &[u8], told: &[Told]) -> Option<Written> {
    let envelope = Envelope { from: from.into(), ret, envid: Some("QQ314159".into()), ..Envelope::default() };
    let at = "2016-10-31T12:00:00Z".parse().unwrap();
    write(&Notice { host: "moscow", id: "n1@moscow", at, envelope: &envelope, original, arrived: Some(at), told })
}

#[test]
fn a_notice_tells_each_recipient_and_is_understood() {
    let mut late = told(recipient("b@far.example", Notify { delay: true, ..Notify::default() }, None), Action::Delayed, "4.4.1");
    late.until = Some("2016-11-02T12:00:00Z".parse().unwrap());
    let mut failed = told(recipient("chairman@moscow", Notify::default(), Some("boss@moscow")), Action::Failed, "5.1.1");
    failed.answer = Some(("mx.moscow".into(), "550 5.1.1 <chairman@moscow>: no such\r\ndesk".into()));
    let quiet = told(recipient("c@moscow", Notify { success: true, ..Notify::default() }, None), Action::Failed, "5.1.1");
    let notice = written("chairman@washington", Some(Return::Full), ORIGINAL, &[failed, late, quiet]).unwrap();
    assert_eq!((notice.to.as_str(), notice.eight, notice.utf8), ("chairman@washington", false, false));
    let report = read(&notice.mail).unwrap();
    assert_eq!(report.identity.unwrap().to_string(), "WASHINGTON-0001-20161031T1200Z");
    assert_eq!(
        [report.message_id.as_deref(), report.envid.as_deref(), report.by.as_deref()],
        [Some("1@washington"), Some("QQ314159"), Some("moscow")]
    );
    let fates: Vec<String> =
        report.fates.iter().map(|f| format!("{} {:?} {} {} {}", f.recipient, f.original, f.action, f.status, f.said)).collect();
    assert_eq!(
        fates,
        [
            "chairman@moscow Some(\"boss@moscow\") failed 5.1.1 550 5.1.1 <chairman@moscow>: no such  desk".replace("  ", " "),
            "b@far.example None delayed 4.4.1 4.4.1".into()
        ]
    );
    assert_eq!(Heading::read(header_of(&notice.mail)).automatic, Automatic::Yes);
    let text = String::from_utf8(notice.mail).unwrap();
    assert!(text.contains("the text") && text.contains("Will-Retry-Until: Wed, 2 Nov 2016 12:00:00 +0000\r\n"), "{text}");
    assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
}

#[test]
fn there_is_no_notice_about_a_notice_and_none_that_nobody_wants() {
    let failed = |notify| [told(recipient("x@moscow", notify, None), Action::Failed, "5.1.1")];
    let usual = failed(Notify::default());
    assert!(written("a@b.example", None, ORIGINAL, &usual).is_some());
    assert!(written("", None, ORIGINAL, &usual).is_none(), "the null reverse-path");
    assert!(written("a@b.example", None, &written("a@b.example", None, ORIGINAL, &usual).unwrap().mail, &usual).is_none(), "a report");
    assert!(written("a@b.example", None, ORIGINAL, &failed(Notify { never: true, ..Notify::default() })).is_none());
    assert!(written("a@b.example", None, ORIGINAL, &[]).is_none());
}

#[test]
fn who_is_told_what_is_what_was_asked() {
    let asked = |never, success, failure, delay| Notify { never, success, failure, delay };
    for (notify, wanted) in [
        (asked(false, false, false, false), "failed"),
        (asked(true, false, false, false), ""),
        (asked(false, true, false, false), "delivered relayed expanded"),
        (asked(false, false, true, true), "failed delayed"),
    ] {
        let words: Vec<&str> = Action::ALL.into_iter().filter(|a| a.is_wanted(notify)).map(Action::word).collect();
        assert_eq!(words.join(" "), wanted);
    }
}

#[test]
fn a_large_mail_or_an_unasked_one_comes_back_as_its_header_only() {
    let failed = [told(recipient("x@moscow", Notify::default(), None), Action::Failed, "5.2.3")];
    let large = [ORIGINAL, &b"x".repeat(LARGEST_WHOLE)].concat();
    for (ret, original) in [(Some(Return::Full), &large[..]), (Some(Return::Headers), ORIGINAL), (None, ORIGINAL)] {
        let notice = written("a@b.example", ret, original, &failed).unwrap();
        let text = String::from_utf8(notice.mail).unwrap();
        assert!(text.contains("text/rfc822-headers") && !text.contains("the text") && text.len() < 3_000);
    }
    let header = [b"X: ".to_vec(), b"y".repeat(900_000)].concat();
    assert!(written("a@b.example", Some(Return::Full), &header, &failed).unwrap().mail.len() < LARGEST_HEADER + 3_000);
}

#[test]
fn addresses_in_utf_8_have_the_form_of_rfc_6533() {
    let failed = [told(recipient("дежурный@москва.рф", Notify::default(), None), Action::Failed, "5.1.1")];
    let notice = written("a@b.example", None, ORIGINAL, &failed).unwrap();
    assert!(notice.utf8 && notice.eight);
    assert_eq!(read(&notice.mail).unwrap().fates[0].recipient, "дежурный@москва.рф");
}

#[test]
fn what_others_say_cannot_write_fields() {
    let mut failed = told(recipient("x@moscow", Notify::default(), Some("a\r\nAction: delivered")), Action::Failed, "5.1.1\r\nX: y");
    failed.answer = Some(("h\nAction: delivered".into(), "550 no\r\n\r\nFinal-Recipient: rfc822; y@z\r\nAction: failed".into()));
    let report = read(&written("a@b.example", None, b"", &[failed]).unwrap().mail).unwrap();
    assert_eq!(report.fates.len(), 1);
    assert_eq!(report.fates[0].action, Action::Failed);
}

#[test]
fn an_ordinary_mail_is_no_notice() {
    for mail in [
        &b""[..],
        ORIGINAL,
        b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b--\r\n",
        b"Content-Type: message/delivery-status\r\n\r\nnothing\r\n",
    ] {
        assert_eq!(read(mail), None);
    }
}

#[test]
fn what_is_brought_back_has_no_line_that_a_server_need_not_take() {
    let original = format!("Subject: x\r\nX-Long: {}\r\n\r\n{}\r\nend\r\n", "h".repeat(4_000), "b".repeat(4_000));
    let failed = told(recipient("chairman@moscow", Notify::default(), None), Action::Failed, "5.1.1");
    let mail = written("alice@example.org", Some(Return::Full), original.as_bytes(), &[failed]).unwrap().mail;
    let text = String::from_utf8(mail).unwrap();
    assert!(text.lines().all(|line| line.len() <= 998), "{:?}", text.lines().map(str::len).max());
    assert!(text.contains("\r\n hhh") && text.contains("\r\nbbb") && !text.contains("\r\n bbb"), "a header is folded, a body parted");
    assert_eq!((text.matches('h').count() > 4_000, text.matches('b').count() >= 4_000), (true, true));
}

/// Ten notices as their readers have them: (action, status, why, the far server's answer), what has to be there, and what not.
#[test]
fn people_read_who_what_when_why_and_what_to_do() {
    use Action::*;
    let smtp = Some(("mx.far.example".to_owned(), "550 5.1.1 no such user".to_owned()));
    let refused = "mx.far.example:25 answered `550 5.1.1 no such user` while waiting for the answer to RCPT";
    let old = "not delivered within 24 h 0 min";
    let connect = "cannot connect to `10.0.0.7:25`: connection refused; is a mail server listening there?";
    for (action, status, why, answer, there) in [
        (
            Failed,
            "5.1.1",
            "no desk `nobody` here; did you mean `operator`",
            None,
            "Why: there is no desk \"nobody\" at moscow.example; did you mean \"operator\".\nWhat you can do: look whether the address is right",
        ),
        (
            Failed,
            "5.1.1",
            refused,
            smtp,
            "Why: mx.far.example answered: 550 5.1.1 no such user.\nWhat you can do: look whether the address",
        ),
        (Failed, "4.4.7", old, None, "Why: not delivered within 24 h 0 min.\nWhat you can do: send it again later"),
        (
            Failed,
            "4.4.1",
            &format!("{old}; at the last try: {connect}"),
            None,
            "Why: not delivered within 24 h 0 min: nobody answers at its station or mail server.\nWhat",
        ),
        (
            Failed,
            "5.3.4",
            "moscow takes messages of 1000 octets at the most, and this one has 2000",
            None,
            "this one has 2000.\nWhat you can do: send less at a time",
        ),
        (
            Failed,
            "5.6.1",
            "the line carries no files, and `a.zip` (application/zip) is one",
            None,
            "and \"a.zip\" (application/zip) is one.\nWhat you can do: send what matters as plain text",
        ),
        (
            Failed,
            "5.4.6",
            "loop: washington sent this message before",
            None,
            "no fault of yours: please tell <postmaster@washington.example>",
        ),
        (Failed, "5.7.5", "moscow cannot be called: `/etc/keys` cannot be read", None, "please tell <postmaster@washington.example>"),
        (
            Delayed,
            "4.4.1",
            connect,
            None,
            "It is not delivered yet, and is still being tried.\nWhy: nobody answers at its station or mail server.\nIt is tried until Wed, 2 Nov 2016 12:00:00 +0000; if that does not help you are told.\nWhat you can do: nothing",
        ),
        (
            Delivered,
            "2.6.4",
            "It is on disk at MOSCOW. On the way it was changed: left out: map.zip.",
            None,
            "It was delivered.\nIt is on disk at MOSCOW. On the way it was changed: left out: map.zip.\nWhat you can do: if they need what was left out",
        ),
        (
            Relayed,
            "2.0.0",
            "LONDON has it and passes it on.",
            None,
            "you are told if it comes back.\nLONDON has it and passes it on.\n\nA person reads",
        ),
    ] {
        let told = Told {
            recipient: recipient("nobody@moscow.example", Notify::default(), None),
            action,
            status: status.into(),
            why: why.into(),
            answer,
            until: (action == Delayed).then(|| "2016-11-02T12:00:00Z".parse().unwrap()),
        };
        let at = "2016-10-31T12:00:00Z".parse().unwrap();
        let original = b"Subject: =?utf-8?Q?Caf=C3=A9_at_noon?=\r\n\r\n";
        let envelope = Envelope::default();
        let (host, told) = ("washington.example", [told]);
        let notice = Notice { host, id: "n@x", at, envelope: &envelope, original, arrived: Some(at), told: &told };
        let text = words::words(&notice, &told.iter().collect::<Vec<_>>());
        let begin = "This is the mail program of washington.example. It tells you what became of your message.\n\nSubject: Café at noon\nReceived here: Mon, 31 Oct 2016 12:00:00 +0000\nTo: <nobody@moscow.example>\n\nIt ";
        assert!(text.starts_with(begin) && text.contains(there), "{text}");
        assert!(text.ends_with("\n\nA person reads what you write to <postmaster@washington.example>.\n"), "{text}");
        for ours in ["10.0.0.7", "/etc/keys", "is a mail server listening"] {
            assert!(!text.contains(ours), "nothing for a stranger: {text}");
        }
        println!("{text}\n----");
    }
}
