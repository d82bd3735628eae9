//! A fax terminal called by machines that are no station of molink: whose the pages are, what is joined, what may be a duplicate.

use super::*;

/// A machine that is none of ours: it calls end 1 with a T.30 of its own, and says nothing beside the standard's frames.
fn foreign(world: &mut World, pages: usize, hangs_up_after: Option<usize>, sub: Option<&str>) -> usize {
    let config = caller::Config {
        number: "+44 1".into(),
        called: "x".into(),
        sub: sub.map(str::to_owned),
        facilities: false,
        pages: (1..=pages).map(page).collect(),
        capabilities: Capabilities::OURS,
        wishes: Wishes { fastest: Modulation::V29At9600, correction: None, ..Wishes::default() },
        speed: Speed::REAL,
    };
    let mut caller = molink::fax::t30::Caller::new(config);
    world.kill(0);
    world.line(Line::Present(0));
    world.line(Line::Dial(0));
    world.inputs.retain(|(end, _)| *end == 1);
    let mut confirmed = 0;
    let mut inputs = VecDeque::from([molink::fax::t30::Input::Start]);
    let limit = world.now + Duration::from_secs(3600);
    loop {
        while let Some(input) = inputs.pop_front() {
            for output in caller.handle(world.now, input) {
                match output {
                    molink::fax::t30::Output::Order(order) => world.line(Line::Order(0, order)),
                    molink::fax::t30::Output::Ended(report) => {
                        world.line(Line::HangUp(0));
                        world.run_for(Duration::from_secs(20));
                        return report.confirmed.len();
                    }
                    molink::fax::t30::Output::Event(molink::fax::t30::CallEvent::Confirmed { .. }) => confirmed += 1,
                    _ => {}
                }
            }
            if hangs_up_after == Some(confirmed) {
                world.line(Line::HangUp(0));
                world.run_for(Duration::from_secs(60));
                return confirmed;
            }
        }
        if let Some((end, input)) = world.inputs.pop_front() {
            match (end, input) {
                (0, Input::Heard(heard)) => inputs.push_back(molink::fax::t30::Input::Heard(heard)),
                (0, _) => {}
                (_, input) => world.tell(1, input),
            }
            continue;
        }
        let own = caller.deadline();
        let at = own.into_iter().chain(world.deadline()).min().unwrap();
        assert!(at < limit, "the call does not end");
        if own == Some(at) {
            world.now = world.now.max(at);
            let outputs = caller.tick(world.now);
            for output in outputs {
                if let molink::fax::t30::Output::Order(order) = output {
                    world.line(Line::Order(0, order));
                }
            }
        } else {
            world.now = world.now.max(at);
            if world.switch.deadline() == Some(at) {
                let told = world.switch.tick(world.now);
                world.told(told);
            } else {
                world.step();
            }
        }
    }
}

#[test]
fn what_a_foreign_machine_sends_goes_to_the_ports_desk_and_says_whose_it_is() {
    let mut world = World::new("foreign = true");
    assert_eq!(foreign(&mut world, 2, None, Some("4711")), 2);
    let (_, pages, subject) = &world.ends[1].filed[0];
    assert_eq!((pages.len(), subject.as_str()), (2, "FAX FROM +44 1, 2 PAGES, SUB 4711"));
}

#[test]
fn a_foreign_call_that_breaks_off_is_handed_in_and_the_next_may_be_a_duplicate() {
    let mut world = World::new("foreign = true");
    assert_eq!(foreign(&mut world, 3, Some(1), None), 1);
    assert_eq!(world.ends[1].filed.len(), 1, "{:#?}", world.tail());
    assert_eq!(world.ends[1].filed[0].2, "FAX FROM +44 1, 1 PAGE, BROKEN OFF");
    assert_eq!(foreign(&mut world, 3, None, None), 3);
    assert_eq!(world.ends[1].filed[1].2, "FAX FROM +44 1, 3 PAGES, POSSIBLE DUPLICATE");
}

#[test]
fn a_foreign_call_before_whose_filing_the_station_dies_is_handed_in_at_the_start() {
    let mut world = World::new("foreign = true");
    world.ends[1].verdict = Some(Verdict::TryLater(Reason::new(Fault::Us, "not now")));
    assert_eq!(foreign(&mut world, 2, None, None), 1, "the last page is not confirmed");
    world.kill(1);
    world.ends[1].verdict = None;
    world.start(1);
    assert_eq!(world.ends[1].filed[0].2, "FAX FROM +44 1, 2 PAGES");
}

#[test]
fn calls_of_one_sub_address_of_ours_are_joined() {
    let mut world = World::new("foreign = true");
    assert_eq!(foreign(&mut world, 3, Some(1), Some("01860830160000007001")), 1);
    assert!(world.ends[1].filed.is_empty(), "the rest may come");
    assert_eq!(foreign(&mut world, 2, None, Some("01860830160000007002")), 2);
    let (key, pages, subject) = &world.ends[1].filed[0];
    assert_eq!((key.as_str(), pages.len()), ("fax sub-01860830160000007", 3));
    assert!(subject.starts_with("FAX FROM +44 1, 3 PAGES"), "{subject}");
    assert_eq!(foreign(&mut world, 2, None, Some("01860830160000007002")), 2, "its last MCF was lost: it comes again");
    assert_eq!(world.ends[1].filed.len(), 1, "and is known");
}

#[test]
fn a_foreign_machine_on_a_line_between_stations_is_not_taken_for_one() {
    let mut world = World::new("");
    assert_eq!(foreign(&mut world, 2, None, None), 0);
    assert!(world.ends[1].filed.is_empty() && world.ends[1].spooled == 0);
    let told = world.ends[1].events.iter().any(|e| matches!(e, Event::Note { text } if text.contains("no station of molink")));
    assert!(told, "{:#?}", world.tail());
}
