//! A storm: two stations, a bad line, slow disks, kills, all drawn from one seed; and what must hold after it.
//!
//! The same storm is the checker of the planted faults: each must be caught within so many seeds.

use crate::judge::{Tape, Way, forms, once_and_rising, read, refusals};
use crate::lines::both_lines;
use crate::world::{draft, hours, name, pair};
use molink::history::World;
use molink::history::world::Disk;
use molink::line::{Fate, Noise};
use molink::message::Precedence;
use molink::router::journal::State;
use molink::router::{Delivery, Event, Submitted};
use molink::teletype::CodeTable;
use molink::time::{Dtg, Instant};
use std::collections::BTreeSet;
use std::time::Duration;

/// A small generator, so that a storm is the same on every machine (Knuth's MMIX constants).
struct Draw(u64);
impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// Runs one storm; the error says what was lost, doubled or stuck.
pub fn storm(seed: u64) -> Result<(), String> {
    let mut draw = Draw(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66);
    let mut world = pair(seed);
    world.record("cable");
    let slowest = [Duration::from_millis(20), Duration::from_secs(10), Duration::from_secs(150)][draw.below(3) as usize];
    world.set_disk(Disk { fastest: Duration::from_millis(1), slowest });
    for _ in 0..draw.below(6) {
        let fate = [Fate::Drop, Fate::Double, Fate::Flip][draw.below(3) as usize];
        let (way, at) = (draw.below(2) as usize, draw.below(900));
        world.circuit("cable", way).ok_or("no cable")?.plan(at, fate);
    }
    if draw.below(3) == 0 {
        let at = Instant::ZERO + Duration::from_secs(draw.below(120));
        world.at(at, |w| noise(w, Noise::Heavy));
    }
    let calm = Instant::ZERO + Duration::from_secs(600);
    world.at(calm, |w| noise(w, Noise::None));
    for _ in 0..draw.below(3) {
        let (at, lasts) = (Duration::from_millis(draw.below(300_000)), Duration::from_millis(draw.below(60_000)));
        world.at(Instant::ZERO + at, move |w| w.cut("cable", Some(lasts)));
    }
    for _ in 0..draw.below(4) {
        let victim = name(["washington", "moscow"][draw.below(2) as usize]);
        let at = Instant::ZERO + Duration::from_millis(draw.below(400_000));
        let down = Duration::from_millis(100 + draw.below(20_000));
        world.at(at, move |w| {
            w.kill(&victim);
            let again = w.now() + down;
            w.at(again, move |w| w.start(&victim));
        });
    }
    // Some messages now, some in a burst later, two on the next day: serials start again there.
    let mut tokens = vec![];
    let (later, next_day) = (draw.below(200), 8 * 3600 + draw.below(60));
    for (i, at) in [0, 0, later, later, next_day, next_day].into_iter().enumerate() {
        world.run(Instant::ZERO + Duration::from_secs(at), |_| false);
        let (from, to) = if draw.below(3) == 0 { ("moscow", "washington") } else { ("washington", "moscow") };
        let mut d = draft(&format!("operator@{from}"), &format!("operator@{to}"), &format!("NR {i} RYRYRYRY 123"));
        d.envelope.precedence = Precedence::ALL[draw.below(6) as usize];
        tokens.push((world.submit(&name(from), d), to, format!("NR {i} RYRYRYRY 123")));
    }
    let quiet =
        |w: &World| ["washington", "moscow"].iter().all(|s| w.journal(&name(s)).is_some_and(|j| j.rows().iter().all(|r| r.state.ended())));
    world.run(hours(20), |w| w.now() > hours(9) && quiet(w));
    let key = if crate::lines::cipher() { verify_key(&mut world) } else { Ok(()) };
    key.and_then(|()| verify(&world, &tokens)).map_err(|what| format!("seed {seed}: {what}"))
}

fn noise(world: &mut World, level: Noise) {
    for way in 0..2 {
        if let Some(circuit) = world.circuit("cable", way) {
            circuit.set_noise(level);
        }
    }
}

/// What must hold: accepted = filed exactly once, with its text; nobody waits; no serial twice in a day.
fn verify(world: &World, tokens: &[(u64, &str, String)]) -> Result<(), String> {
    for e in world.trace() {
        if let Event::Note { text } = &e.event {
            return Err(format!("{}: {text}", e.station));
        }
    }
    for station in ["washington", "moscow"] {
        let journal = world.journal(&name(station)).ok_or("no journal")?;
        let mut serials = BTreeSet::new();
        for row in journal.rows() {
            if !row.state.ended() {
                return Err(format!("{} is stuck at {station} as {}", row.id, row.state));
            }
            if row.id.station == name(station) && !serials.insert((row.id.dtg.day_number(), row.id.serial)) {
                return Err(format!("the serial of {} was given twice that day", row.id));
            }
            if row.state == State::Filed && row.id.station == name(station) {
                let far = if station == "moscow" { "washington" } else { "moscow" };
                if world.journal(&name(far)).and_then(|j| j.find(&row.id)).is_none() {
                    return Err(format!("{} is said to be filed at {far}, and is not", row.id));
                }
            }
        }
    }
    for (token, to, text) in tokens {
        let Some(Submitted::Accepted(id)) = world.answer(*token) else { continue };
        let journal = world.journal(&name(to)).ok_or("no journal")?;
        let copies: Vec<_> = journal.rows().iter().filter(|r| journal.load(&r.id).is_some_and(|m| m.text() == *text)).collect();
        match copies[..] {
            [one] if one.id == *id => {}
            [] => return Err(format!("{id} was accepted and is lost")),
            _ => return Err(format!("{id} is filed {} times", copies.len())),
        }
    }
    Ok(())
}

/// What must hold of an enciphered line: no key twice, positions rise, all of it reserved first, nothing of ours in clear.
fn verify_key(world: &mut World) -> Result<(), String> {
    let (ends, codes) = (["washington", "moscow"], [CodeTable::Ita2, CodeTable::Mtk2]);
    let (mut said, mut tapes) = ([BTreeSet::new(), BTreeSet::new()], vec![]);
    for way in 0..2 {
        let journal = world.journal(&name(ends[way])).ok_or("no journal")?;
        for sent in world.trace().iter().filter(|e| e.station == name(ends[way])) {
            let (Event::Sent { channel, .. }, Some(id)) = (&sent.event, &sent.id) else { continue };
            let message = journal.load(id).ok_or_else(|| format!("{id} was sent and is not in the journal"))?;
            let (text, answers) = forms(&Delivery { number: 0, message, channel: *channel, again: false }, ends[1 - way], codes[way]);
            said[way].insert(text);
            said[1 - way].extend(answers);
        }
        let keys = world.keys(&(name(ends[way]), "cable".into())).ok_or("no key tapes")?;
        // Some beyond what is reserved, so that use of what is not reserved is seen as such.
        let whole = |t: &molink::key::Tape| Tape { serial: t.serial, key: keys.key(t.serial, 0, t.next + 8_192) };
        tapes.push((keys.tapes.send.iter().map(whole).collect::<Vec<_>>(), keys.tapes.send.clone()));
    }
    for (way, mut said) in said.into_iter().enumerate() {
        said.extend(refusals());
        let (copies, hung) = &tapes[way];
        let spans = read(&Way { codes: world.recorded("cable", way), tapes: copies, said: &said })?;
        once_and_rising(&spans)?;
        for span in &spans {
            let reserved = hung.iter().find(|t| t.serial == span.serial).map_or(0, |t| t.next);
            if span.end() > reserved {
                return Err(format!("tape {} was used to {} and reserved to {reserved}", span.serial, span.end()));
            }
        }
    }
    Ok(())
}

both_lines!(after_two_hundred_storms_everything_accepted_is_filed_once);
fn after_two_hundred_storms_everything_accepted_is_filed_once() {
    let bad: Vec<String> = (0..200).filter_map(|seed| storm(seed).err()).collect();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn the_days_of_a_storm_differ() {
    // The storm's two last messages are on another day than its first ones, or the serial's restart is not tested.
    let day = |at: u64| Dtg::of("1963-08-30T16:00:00Z".parse::<molink::time::Utc>().unwrap().plus(Duration::from_secs(at))).day_number();
    assert_ne!(day(0), day(8 * 3600));
}

#[cfg(feature = "faults")]
mod planted {
    use super::storm;
    use crate::lines::{Lines, over};
    use molink::faults::{Fault, plant};

    fn caught(fault: Fault) {
        caught_as(fault, "");
    }
    /// Caught, and with these words.
    fn caught_as(fault: Fault, words: &str) {
        plant(Some(fault));
        let found = (0..400).filter_map(|seed| storm(seed).err());
        let found = found.inspect(|what| println!("{fault:?}: caught: {what}")).find(|what| what.contains(words));
        plant(None);
        assert!(found.is_some(), "{fault:?} was not caught within 400 seeds");
    }

    #[test]
    fn key_reused_by_a_retry_is_caught() {
        over(Lines::Cipher, || caught_as(Fault::RetryReusesKey, "key used twice"));
    }
    #[test]
    fn a_reservation_that_is_not_on_disk_is_caught() {
        over(Lines::Cipher, || caught_as(Fault::ReservationNotSynced, "and reserved to"));
    }
    #[test]
    fn key_used_again_after_a_kill_that_undid_its_reservation_is_caught() {
        over(Lines::Cipher, || caught_as(Fault::ReservationNotSynced, "key used twice"));
    }
    #[test]
    fn receipt_before_sync_is_caught() {
        caught(Fault::ReceiptBeforeSync);
    }
    #[test]
    fn filing_key_without_the_date_time_group_is_caught() {
        caught(Fault::FilingKeyWithoutDtg);
    }
    #[test]
    fn serial_given_twice_after_restart_is_caught() {
        caught(Fault::SerialTwiceAfterRestart);
    }
    #[test]
    fn late_receipt_taken_for_the_next_message_is_caught() {
        caught(Fault::LateReceiptTaken);
    }
    #[test]
    fn timer_not_rearmed_is_caught() {
        caught(Fault::TimerNotRearmed);
    }
}
