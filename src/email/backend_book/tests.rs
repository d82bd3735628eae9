//! The tests of the book of correspondents: names, its limits, its file.

use super::*;
use std::fmt::Write;

const A_DAY: usize = 600;

fn on(day: i64) -> Utc {
    Utc(day * 24 * 3600 * 1_000_000)
}
fn given(book: &Book, address: &str, whose: Whose, day: i64) -> Result<String, NoName> {
    book.name(address, whose, on(day)).map(|name| name.to_string())
}
fn open(dir: &Path) -> Book {
    let people = BTreeMap::from([("alice".parse().unwrap(), "Alice@Example.org".to_owned())]);
    Book::open(dir, Some(&"mail".parse().unwrap()), &people, A_DAY).unwrap()
}
fn name(book: &Book, address: &str) -> String {
    given(book, address, Whose::Known, 0).unwrap()
}

#[test]
fn an_address_has_one_name_for_ever_and_a_name_one_address() {
    let dir = tempfile::tempdir().unwrap();
    let book = open(dir.path());
    assert_eq!(name(&book, "Alice@EXAMPLE.org"), "alice", "of the station file");
    assert_eq!(name(&book, "alice@other.example"), "alice-2");
    assert_eq!(name(&book, "alice@third.example"), "alice-3");
    assert_eq!(name(&book, "o'neil.b_c+tag@x.example"), "o-neil-b-c-tag");
    assert_eq!(name(&book, "дежурный@x.example"), "someone");
    assert_eq!(name(&book, "42@x.example"), "someone-2");
    assert_eq!(name(&book, "stranger@x.example"), "stranger-2");
    assert_eq!(name(&book, "mailer-daemon@x.example"), "mailer-daemon-2");
    assert_eq!(name(&book, "router@x.example"), "router-2", "who speaks for a station");
    assert_eq!(name(&book, "Postmaster@x.example"), "postmaster-2");
    assert_eq!(name(&book, &format!("{}@x.example", "a".repeat(60))), "a".repeat(32));
    assert_eq!(name(&book, &format!("{}@y.example", "a".repeat(60))), format!("{}-2", "a".repeat(30)));
    drop(book);
    let again = open(dir.path());
    assert_eq!(name(&again, "alice@OTHER.example"), "alice-2");
    assert_eq!(again.address(&"someone".parse().unwrap()).unwrap(), "дежурный@x.example");
    assert_eq!(again.address(&"nobody".parse().unwrap()), None);
}

#[test]
fn two_ports_share_a_book() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (open(dir.path()), open(dir.path()));
    assert_eq!(name(&one, "bob@x.example"), "bob");
    assert_eq!(name(&two, "bob@y.example"), "bob-2");
    assert_eq!(two.address(&"bob".parse().unwrap()).as_deref(), Some("bob@x.example"));
    assert_eq!(name(&one, "bob@y.example"), "bob-2");
}

#[test]
fn a_torn_last_line_is_cut_off_and_what_is_no_entry_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mail.book");
    std::fs::write(&path, b"bob bob@x.example\n\xff\xfe\n1st one@x.example\nbob other@x.example\neve eve@x.exa").unwrap();
    let book = open(dir.path());
    assert!(std::fs::read(&path).unwrap().ends_with(b"bob other@x.example\n"));
    assert_eq!(name(&book, "eve@x.example"), "eve");
    assert_eq!(book.address(&"bob".parse().unwrap()).as_deref(), Some("bob@x.example"));
    assert!(std::fs::read(&path).unwrap().ends_with(b"\neve eve@x.example\n"));
}

#[test]
fn an_address_cannot_write_lines() {
    let dir = tempfile::tempdir().unwrap();
    let book = open(dir.path());
    assert_eq!(name(&book, "a\nroot root@x.example"), "arootroot");
    assert_eq!(open(dir.path()).address(&"root".parse().unwrap()), None);
}

#[test]
fn strangers_have_so_many_names_a_day_and_those_who_are_known_any_number() {
    let dir = tempfile::tempdir().unwrap();
    let book = open(dir.path());
    for n in 0..A_DAY {
        given(&book, &format!("s{n}@x.example"), Whose::Stranger, 20_000).unwrap();
    }
    let Err(NoName::Full(Some(why))) = given(&book, "late@x.example", Whose::Stranger, 20_000) else { panic!("a name") };
    assert!(why.contains("600 new strangers") && why.contains("raise `quota`"), "{why}");
    drop(book);
    let book = open(dir.path()); // a start forgets nothing
    assert!(matches!(given(&book, "late@x.example", Whose::Stranger, 20_000), Err(NoName::Full(Some(_)))));
    assert_eq!(given(&book, "late@x.example", Whose::Stranger, 20_000), Err(NoName::Full(None)), "it is said once a day");
    assert_eq!(given(&book, "s0@x.example", Whose::Stranger, 20_000).unwrap(), "s0");
    assert_eq!(given(&book, "Alice@example.org", Whose::Stranger, 20_000).unwrap(), "alice", "of the station file");
    assert_eq!(given(&book, "friend@x.example", Whose::Known, 20_000).unwrap(), "friend");
    assert_eq!(given(&book, "late@x.example", Whose::Stranger, 20_001).unwrap(), "late");
}

/// A book whose strangers' share is full: the first half wrote on day 1, the second on day 50.
fn full(dir: &Path) -> Book {
    let mut text = String::from("# 1\n");
    for n in 0..STRANGERS {
        if n == STRANGERS / 2 {
            text += "# 50\n";
        }
        writeln!(text, "~s-{n} s{n}@x.example").unwrap();
    }
    std::fs::write(dir.join("mail.book"), text).unwrap();
    open(dir)
}

#[test]
fn silent_strangers_make_room_for_new_ones_and_their_names_are_not_given_again() {
    let dir = tempfile::tempdir().unwrap();
    let book = full(dir.path());
    let Err(NoName::Full(Some(why))) = given(&book, "new@x.example", Whose::Stranger, 90) else { panic!("all wrote within 90 days") };
    assert!(why.contains("80000 of strangers") && why.contains("a line `-NAME`"), "{why}");
    assert_eq!(given(&book, "friend@x.example", Whose::Known, 90).unwrap(), "friend", "strangers do not crowd out others");
    // One of the first wrote again, another was answered by a desk, a third is called by somebody who is known.
    assert_eq!(given(&book, "s0@x.example", Whose::Stranger, 90).unwrap(), "s-0");
    book.keep(&"s-1".parse().unwrap(), on(90)).unwrap();
    assert_eq!(given(&book, "s2@x.example", Whose::Known, 90).unwrap(), "s-2");
    // Two places came free so; with them gone, those silent since day 1 go, the longest silent first.
    for n in 0..3 {
        given(&book, &format!("new{n}@x.example"), Whose::Stranger, 91).unwrap();
    }
    assert_eq!(given(&book, "s-10@y.example", Whose::Stranger, 91).unwrap(), "s-10-2", "a name that stood for somebody is not given again");
    let stands = |book: &Book, name: &str| book.address(&name.parse().unwrap());
    let last = format!("s-{}", STRANGERS - 1);
    for book in [&book, &open(dir.path())] {
        for kept in ["s-0", "s-1", "s-2", "new0", "new2", &last] {
            assert!(stands(book, kept).is_some(), "{kept}");
        }
        assert_eq!((stands(book, "s-10"), stands(book, "s-100")), (None, None));
        let left = (3..STRANGERS).filter(|n| stands(book, &format!("s-{n}")).is_some()).count();
        assert_eq!(left, STRANGERS - 3 - 1_000, "so many at a time, and none of those who wrote since");
        assert_eq!(given(book, "s10@x.example", Whose::Stranger, 91).unwrap(), "s10", "who comes back has another name");
    }
}

#[test]
fn a_book_of_before_is_kept_whole_and_a_hand_can_take_a_name_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mail.book");
    std::fs::write(&path, "bob bob@x.example\neve eve@x.example\n-eve\n-nobody\n# soon\n~ x\n-\n").unwrap();
    let book = open(dir.path());
    assert_eq!(book.known("bob@x.example", Whose::Known, on(90_000)).unwrap().as_str(), "bob");
    assert_eq!(book.address(&"eve".parse().unwrap()), None);
    assert_eq!(given(&book, "eve@x.example", Whose::Stranger, 1).unwrap(), "eve-2");
    assert_eq!(given(&book, "nobody@x.example", Whose::Stranger, 1).unwrap(), "nobody-2");
    assert!(
        book.known("eve@x.example", Whose::Stranger, on(30)).is_some() && book.known("eve@x.example", Whose::Stranger, on(31)).is_none(),
        "to be put down again"
    );
    assert!(book.known("eve@x.example", Whose::Known, on(1)).is_none(), "to be kept for ever");
}

#[test]
fn a_day_that_has_begun_does_not_begin_again_for_who_is_late() {
    let dir = tempfile::tempdir().unwrap();
    let book = open(dir.path());
    for n in 0..A_DAY {
        given(&book, &format!("s{n}@x.example"), Whose::Stranger, if n % 2 == 0 { 7 } else { 6 }).unwrap();
    }
    assert!(matches!(given(&book, "late@x.example", Whose::Stranger, 6), Err(NoName::Full(Some(_)))));
    assert!(matches!(given(&book, "late@x.example", Whose::Stranger, 7), Err(NoName::Full(_))));
}

#[test]
fn a_book_that_is_too_long_is_kept_as_it_is_and_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mail.book");
    let filler = "-x".repeat(1 << 19) + "\n";
    let text = format!("# 1\n~eve eve@x.example\nbob bob@x.example\n{}last last@x.example\n", filler.repeat(64));
    std::fs::write(&path, &text).unwrap();
    let book = open(dir.path());
    assert_eq!(given(&book, "eve@x.example", Whose::Known, 90).unwrap(), "eve");
    book.keep(&"eve".parse().unwrap(), on(90)).unwrap();
    let Err(NoName::Full(Some(why))) = given(&book, "new@x.example", Whose::Known, 90) else { panic!("a name") };
    assert!(why.contains("is full") && why.contains("63 MiB"), "{why}");
    drop(open(dir.path()));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), text.len() as u64, "nothing of it is cut off");
}
