//! Who is told what became of a mail, how often, and in which words.

use crate::email_far::soon;
use crate::email_gate::{Gate, HERE, is, notice, open_to_a_login};
use molink::email::backend_users::Users;
use molink::email::notice::{Action, date, read};
use molink::router::journal::State;
use molink::router::journal::reader::Reader;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_could_not_be_delivered_comes_back_as_a_notice_to_who_sent_it() {
    let gate = Gate::new("").await;
    gate.mail("nobody@moscow.example", " ORCPT=rfc822;boss@example.com", "\r\nits text\r\n").await;
    let mut caller = gate.caller().await;
    let (report, words) = notice(&mut caller).await;
    is(&report, Action::Failed, "5.1.1", "nobody@moscow.example");
    assert_eq!(report.fates[0].original.as_deref(), Some("boss@example.com"));
    assert!(words.contains("there is no desk \"nobody\" at moscow.example") && words.contains("Subject: Not delivered: Lunch"), "{words}");
    assert!(words.contains("text/rfc822-headers") && !words.contains("its text"), "RET=HDRS: {words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_for_success_hears_where_it_is_and_who_asked_for_nothing_hears_nothing() {
    let gate = Gate::new("").await;
    gate.mail("operator@moscow.example", "", "\r\nunasked\r\n").await;
    gate.mail(HERE, "", "\r\nunasked\r\n").await;
    gate.mail("nobody@moscow.example", " NOTIFY=NEVER", "\r\nnever\r\n").await;
    gate.mail("nobody@moscow.example", " NOTIFY=SUCCESS,DELAY", "\r\nno failures\r\n").await;
    let mut caller = None;
    for (to, action, words) in [
        (HERE, Action::Delivered, "on disk at WASHINGTON"),
        ("operator@moscow.example", Action::Delivered, "on disk at MOSCOW"),
        ("beyond@moscow.example", Action::Relayed, "LONDON has it"),
    ] {
        gate.mail(to, " NOTIFY=SUCCESS", "\r\nits text\r\n").await;
        let caller = match &mut caller {
            Some(caller) => caller,
            none => none.insert(gate.caller().await),
        };
        let (report, text) = notice(caller).await;
        is(&report, action, "2.0.0", to);
        assert!(text.contains(words), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_waits_is_told_of_once_and_when_it_will_be_given_up() {
    let gate = Gate::new("delay_notice = \"500ms\"").await;
    gate.mail("busy@moscow.example", "", "\r\nunasked\r\n").await;
    gate.mail("busy@moscow.example", " NOTIFY=DELAY", "\r\nits text\r\n").await;
    let mut caller = gate.caller().await;
    let (report, words) = notice(&mut caller).await;
    is(&report, Action::Delayed, "4.3.1", "busy@moscow.example");
    assert!(words.contains("Will-Retry-Until: ") && words.contains("Why: 451 4.3.1 no paper."), "{words}");
    assert!(!words.contains("Diagnostic-Code"), "no server of mail said it: {words}");
    tokio::time::sleep(Duration::from_millis(600)).await; // as long again, and no word more
    gate.marker().await;
    let (report, _) = notice(&mut caller).await;
    is(&report, Action::Delivered, "2.0.0", HERE);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_to_hear_of_a_delay_hears_of_it_after_a_restart_and_nobody_is_told_twice() {
    let mut gate = Gate::new("delay_notice = \"1500ms\"").await;
    gate.mail("nobody@moscow.example", "", "\r\nits text\r\n").await;
    gate.mail("busy@moscow.example", " NOTIFY=DELAY", "\r\nits text\r\n").await;
    let mut caller = gate.caller().await;
    is(&notice(&mut caller).await.0, Action::Failed, "5.1.1", "nobody@moscow.example");
    let cursor = gate.data().join("mail/post.clerk");
    soon("the clerk's list", async {
        while std::fs::read_to_string(&cursor).map_or(0, |text| text.lines().count()) != 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    gate.notices_are_taken().await;
    gate.stop().await;
    drop(caller);
    gate.start().await;
    let mut caller = gate.caller().await;
    is(&notice(&mut caller).await.0, Action::Delayed, "4.3.1", "busy@moscow.example");
    gate.notices_are_taken().await;
    gate.stop().await;
    drop(caller);
    std::fs::remove_file(&cursor).unwrap(); // as a crash between the notice and the cursor, and worse
    gate.start().await;
    gate.marker().await;
    let mut caller = gate.caller().await;
    is(&notice(&mut caller).await.0, Action::Delivered, "2.0.0", HERE);
    assert_eq!(gate.rows().iter().filter(|row| row.from.desk.as_str() == "router").count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_that_were_left_out_are_told_unasked_to_people_only() {
    let gate = Gate::new("").await;
    let parts = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nAt noon.\r\n--b\r\n\
                 Content-Type: application/zip\r\nContent-Disposition: attachment; filename=map.zip\r\n\r\nPK\r\n--b--\r\n";
    gate.mail("operator@moscow.example", "", &format!("Precedence: bulk\r\n{parts}")).await;
    gate.mail("operator@moscow.example", " NOTIFY=NEVER", parts).await;
    gate.mail("chairman@moscow.example", "", parts).await;
    let mut caller = gate.caller().await;
    let (report, words) = notice(&mut caller).await;
    is(&report, Action::Delivered, "2.6.4", "chairman@moscow.example");
    assert!(words.contains("left out: map.zip (application/zip, 2 bytes)"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_far_station_gives_back_leaves_as_a_notice_unless_none_was_wanted() {
    let gate = Gate::new("").await;
    gate.mail("lost@moscow.example", " NOTIFY=NEVER", "\r\nnever\r\n").await;
    soon("no notice", async {
        while !gate.rows().iter().any(|row| row.from.to_string() == "router@london" && row.state == State::Returned) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    gate.mail("lost@moscow.example", "", "\r\nits text\r\n").await;
    let mut caller = gate.caller().await;
    let (report, words) = notice(&mut caller).await;
    is(&report, Action::Failed, "5.0.0", "lost@moscow.example");
    assert!(words.contains("LONDON said: NO DESK"), "{words}");
}

/// The smart-host refuses Alice's mail for somebody outside, which she could hand in by a login; then it gets the notice of it.
async fn refused_by_the_smart_host(gate: &Gate) -> Vec<u8> {
    let mut talker = gate.call().await.secure(None).await;
    talker.say("AUTH PLAIN AHJlbGF5AHJvc2VidWQ=", 235).await;
    let mail = b"From: Alice <alice@example.org>\r\nSubject: Out\r\nMessage-ID: <out@example.org>\r\n\r\nx\r\n";
    assert!(talker.mail("alice@example.org", &["bob@far.example"], mail).await.starts_with("250 "));
    let mut caller = gate.caller().await;
    caller.hears("MAIL FROM:<alice@example.org>").await;
    caller.say("250 2.1.0 sender").await;
    caller.hears("RCPT TO:<bob@far.example>").await;
    caller.say("550 5.2.1 <bob@far.example>: mailbox closed").await;
    caller.hears("RSET").await;
    caller.say("250 2.0.0 done").await;
    let (from, _, notice) = caller.message().await;
    assert!(from.starts_with("MAIL FROM:<>"), "{from}");
    caller.say("250 2.0.0 taken").await;
    notice
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_names_a_correspondent_by_his_mail_address_not_by_the_name_he_has_here() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    Users::at(&users).put("duty", "rosebud", Some("operator".parse().unwrap())).unwrap();
    Users::at(&users).put("relay", "rosebud", None).unwrap();
    let gate = Gate::new(&format!("users = \"{}\"\npeople = {{ yves = \"yves.le-grand@far.example\" }}", users.display())).await;
    let mut kept = None;
    for (user, login, to) in [("duty", "AGR1dHkAcm9zZWJ1ZA==", "yves.le-grand@far.example"), ("relay", "AHJlbGF5AHJvc2VidWQ=", "yves@mail")]
    {
        let mut talker = gate.call().await.secure(None).await;
        talker.say(&format!("AUTH PLAIN {login}"), 235).await;
        let mail = format!("Subject: Out\r\nMessage-ID: <{user}@example.org>\r\n\r\nx\r\n");
        assert!(talker.mail("alice@example.org", &[to], mail.as_bytes()).await.starts_with("250 "));
        let mut caller = match kept.take() {
            Some(caller) => caller,
            None => gate.caller().await,
        };
        caller.hears("MAIL FROM:<alice@example.org>").await;
        caller.say("250 2.1.0 sender").await;
        caller.hears("RCPT TO:<yves.le-grand@far.example>").await;
        caller.say("550 5.1.1 no such mailbox").await;
        caller.hears("RSET").await;
        caller.say("250 2.0.0 done").await;
        if user == "relay" {
            let (_, _, notice) = caller.message().await;
            caller.say("250 2.0.0 taken").await;
            let text = String::from_utf8(notice).unwrap().replace("=\r\n", "");
            assert!(text.contains("\r\nFinal-Recipient: rfc822; yves.le-grand@far.example\r\n"), "{text}");
            assert!(text.contains("To: <yves.le-grand@far.example>") && !text.contains("yves@mail"), "{text}");
        }
        kept = Some(caller);
    }
    let told = || gate.rows().into_iter().find(|row| row.from.desk.as_str() == "router" && row.to.desk.as_str() == "operator");
    let row = soon("the notice for the desk", async {
        loop {
            match told() {
                Some(row) => return row,
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    })
    .await;
    let text = Reader::open(&gate.data().join("journal.sqlite")).unwrap().load(&row.id).unwrap().unwrap().text();
    assert!(text.contains(" TO yves.le-grand@far.example WAS NOT DELIVERED: "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_far_server_said_is_told_word_for_word_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let gate = open_to_a_login(folder.path()).await;
    let notice = refused_by_the_smart_host(&gate).await;
    let report = read(&notice).unwrap();
    is(&report, Action::Failed, "5.2.1", "bob@far.example");
    assert_eq!(report.fates[0].said, "550 5.2.1 <bob@far.example>: mailbox closed");
    let text = String::from_utf8(notice).unwrap().replace("=\r\n", "");
    for words in [
        "\r\nRemote-MTA: dns; [127.0.0.1]\r\nDiagnostic-Code: smtp; 550 5.2.1 <bob@far.example>: mailbox closed\r\n",
        "Why: [127.0.0.1] answered: 550 5.2.1 <bob@far.example>: mailbox closed.",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_says_to_the_second_when_the_mail_came_and_when_it_was_written_itself() {
    let folder = tempfile::tempdir().unwrap();
    let gate = open_to_a_login(folder.path()).await;
    let notice = refused_by_the_smart_host(&gate).await;
    let text = String::from_utf8(notice).unwrap().replace("=\r\n", "");
    let rows = gate.rows();
    let accepted = |router: bool| date(rows.iter().find(|row| (row.from.desk.as_str() == "router") == router).unwrap().accepted);
    let came = accepted(false);
    for words in
        [format!("\r\nArrival-Date: {came}\r\n"), format!("\r\nReceived here: {came}\r\n"), format!("\r\nDate: {}\r\n", accepted(true))]
    {
        assert!(format!("\r\n{text}").contains(&words), "{words}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "peer: run through tests/run"]
async fn pythons_email_package_reads_our_notices_without_a_defect() {
    let folder = tempfile::tempdir().unwrap();
    let said = python(&refused_by_the_smart_host(&open_to_a_login(folder.path()).await).await);
    for words in [
        "status: 5.2.1",
        "remote-mta: dns; [127.0.0.1]",
        "diagnostic-code: smtp; 550 5.2.1 <bob@far.example>: mailbox closed",
        "arrival-date",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let gate = Gate::new("delay_notice = \"200ms\"").await;
    let mut caller = None;
    for (to, asked, expected) in [
        (
            "nobody@moscow.example",
            " NOTIFY=FAILURE ORCPT=rfc822;boss@example.com",
            ["action: failed", "status: 5.1.1", "there is no desk \"nobody\" at moscow.example. What you can do: look whether the address"],
        ),
        ("operator@moscow.example", " NOTIFY=SUCCESS", ["action: delivered", "status: 2.0.0", "is on disk at MOSCOW"]),
        ("busy@moscow.example", " NOTIFY=DELAY", ["action: delayed", "status: 4.3.1", "will-retry-until: "]),
    ] {
        gate.mail(to, asked, "\r\nits text\r\n").await;
        let caller = match &mut caller {
            Some(caller) => caller,
            none => none.insert(gate.caller().await),
        };
        let (_, _, octets) = caller.message().await;
        caller.say("250 2.0.0 taken").await;
        let said = python(&octets);
        for words in expected {
            assert!(said.contains(words), "{words}: {said}");
        }
        for words in [
            "to: alice@example.org",
            "auto-submitted: auto-replied",
            "reporting-mta: dns; washington.example",
            "original-envelope-id: journey-7",
            &format!("final-recipient: rfc822; {to}"),
            "back: text/rfc822-headers Message-ID: <",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert_eq!(said.contains("original-recipient: rfc822; boss@example.com"), to.starts_with("nobody"), "{said}");
    }
}

/// What Python's email package makes of a notice.
fn python(mail: &[u8]) -> String {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut child = Command::new("python3")
        .arg("tests/peers/notice_read.py")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is missing; run through tests/run, which installs it");
    child.stdin.take().unwrap().write_all(mail).unwrap();
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{said}\n{}", String::from_utf8_lossy(mail));
    said
}
