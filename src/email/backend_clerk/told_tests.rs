//! The tests of what senders are told: to whom, about what, and in which words.

use super::*;
use crate::message::Precedence;

fn about(change: impl FnOnce(&mut Post)) -> Option<About> {
    let mut post =
        Post { reverse_path: "alice@example.org".into(), recipient: "operator@moscow".into(), answerable: true, ..Post::default() };
    change(&mut post);
    let envelope = Envelope {
        from: "alice@mail".parse().unwrap(),
        to: "operator@moscow".parse().unwrap(),
        precedence: Precedence::Routine,
        class: Default::default(),
        subject: "Lunch".into(),
        via: vec![],
        post: Some(Box::new(post)),
    };
    About::of(Message { identity: "WASHINGTON-0001-20161031T1200Z".parse().unwrap(), envelope, content: vec![] })
}
fn asked(words: &str) -> About {
    about(|post| post.notify = if words == "-" { String::new() } else { words.into() }).unwrap()
}
fn edit(what: &str, left_out: bool) -> Edit {
    Edit { what: what.into(), count: 2, example: None, left_out }
}
fn returned() -> Event {
    Event::Returned { reason: "MOSCOW said: 550 5.1.1 no desk".into() }
}
fn filed() -> Event {
    Event::Filed { at: "moscow".parse().unwrap(), receipt: "250".into() }
}
fn custody() -> Event {
    Event::Custody { at: "london".parse().unwrap(), receipt: "250".into() }
}

#[test]
fn who_is_told_what_is_what_was_asked_and_unasked_only_failures() {
    for (words, wanted) in [
        ("-", ["failed", "", ""]),
        ("FAILURE", ["failed", "", ""]),
        ("SUCCESS", ["", "delivered", "relayed"]),
        ("SUCCESS,FAILURE", ["failed", "delivered", "relayed"]),
        ("DELAY", ["", "", ""]),
    ] {
        let about = asked(words);
        let told = [returned(), filed(), custody()].map(|e| about.told(&e, &[]).map_or(String::new(), |n| n.action));
        assert_eq!(told, wanted, "{words}");
        assert_eq!(about.wants_delays(), words == "DELAY");
    }
    let others = [Event::Printed, Event::CameAgain, Event::CalledOff { at: String::new() }, Event::Refused { reason: String::new() }];
    assert!(others.iter().all(|e| asked("SUCCESS,FAILURE,DELAY").told(e, &[]).is_none()));
}

#[test]
fn who_has_it_is_a_station_by_its_name_or_a_mail_server() {
    let why = |event: &Event| asked("SUCCESS").told(event, &[]).unwrap().why;
    assert_eq!(why(&custody()), "LONDON has it and passes it on.");
    let server = Event::Custody { at: MAIL_SERVER.parse().unwrap(), receipt: "250".into() };
    assert_eq!(why(&server), "The next mail server has it and passes it on.");
}

#[test]
fn nobody_is_told_of_a_notice_nor_who_asked_for_none_nor_the_null_reverse_path() {
    assert!(about(|_| {}).is_some());
    assert!(about(|post| post.notify = "NEVER".into()).is_none());
    assert!(about(|post| post.reverse_path.clear()).is_none());
    let notice = asked("-").told(&returned(), &[]).unwrap();
    assert!(about(|post| post.notice = Some(notice)).is_none());
    let mut message =
        Message { identity: "WASHINGTON-0001-20161031T1200Z".parse().unwrap(), envelope: asked("-").envelope, content: vec![] };
    message.envelope.from.desk = "router".parse().unwrap();
    assert!(About::of(message.clone()).is_none());
    message.envelope.post = None;
    assert!(About::of(message).is_none(), "no mail");
}

#[test]
fn what_was_left_out_is_told_unasked_to_people_and_never_to_programs() {
    let edits = [edit("upper case", false), edit("left out: map.png (image/png, 9 bytes)", true)];
    let told = asked("-").told(&filed(), &edits).unwrap();
    assert_eq!((told.action.as_str(), told.status.as_str()), ("delivered", "2.6.4"));
    assert_eq!(
        told.why,
        "It is on disk at MOSCOW, for its desk to read. On the way it was changed: upper case (2 times); left out: map.png (image/png, 9 bytes)."
    );
    assert!(asked("-").told(&custody(), &edits).is_some());
    assert!(asked("-").told(&filed(), &edits[..1]).is_none(), "upper case alone is no reason to write");
    assert_eq!(asked("SUCCESS").told(&filed(), &edits[..1]).unwrap().status, "2.0.0");
    assert!(asked("DELAY").told(&filed(), &edits).is_none(), "failures were not asked for");
    assert!(about(|post| post.answerable = false).unwrap().told(&filed(), &edits).is_none());
    let many: Vec<Edit> = (0..50).map(|_| edit("x", true)).collect();
    assert!(asked("-").told(&filed(), &many).unwrap().why.ends_with("; and 30 more."));
}

#[test]
fn a_notice_has_the_status_of_its_reason() {
    let reason = "no desk `x` here".to_owned();
    assert_eq!(asked("-").told(&Event::Returned { reason }, &[]).unwrap().status, "5.1.1");
    let late = asked("DELAY").late("451 4.3.1 no room", "2016-11-01T12:00:00Z".parse().unwrap());
    assert_eq!((late.action.as_str(), late.status.as_str(), late.until.is_some()), ("delayed", "4.3.1", true));
    assert_eq!(asked("DELAY").late("", Utc(0)).status, "4.4.1");
}

#[test]
fn a_returned_message_is_read_however_its_lines_were_broken() {
    let near = "2016-10-31T13:00:00Z".parse().unwrap();
    let said = "YOUR MESSAGE WASHINGTON 01 311200Z OCT 16 TO OPERATER(AT)MOSCOW\nWAS NOT DELIVERED:\nNO DESK 'OPERATER' HERE";
    let (id, why) = read(said, near).unwrap();
    assert_eq!((id.to_string().as_str(), why.as_str()), ("WASHINGTON-0001-20161031T1200Z", "NO DESK 'OPERATER' HERE"));
    for other in ["", "HELLO", "YOUR MESSAGE", "YOUR MESSAGE X TO Y WAS NOT DELIVERED: Z", "YOUR MESSAGE WASHINGTON 01 311200Z OCT 16 TO Y"]
    {
        assert!(read(other, near).is_none(), "{other}");
    }
}
