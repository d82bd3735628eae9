//! T.38 against SpanDSP's terminal: pages each way, losses, ends that vanish; and our datagrams as tshark reads them.

use crate::fax_call::{the_answerer, the_caller, typed};
use crate::spandsp::{How, Spandsp};
use crate::t38_net::{AS_1998, AS_2002, Call, Net, Side};
use molink::fax::code::Coding;
use molink::fax::file::PageAbout;
use molink::fax::modem::Modulation;
use molink::fax::t30::{Capabilities, FrameSize, Wishes};
use molink::fax::t38::udptl::{Datagram, Recovery};
use molink::fax::t38::{Carried, Field, FieldKind, Ifp, Syntax};
use molink::fax::tiff::{Reader, WriteOptions, Writer};
use molink::paper::{Page, Resolution};
use molink::time::Instant;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

pub fn pages(count: u64) -> Vec<Arc<Page>> {
    (1..=count).map(|n| Arc::new(typed(150, Resolution::FINE, n))).collect()
}
pub fn written(pages: &[Arc<Page>], folder: &Path) -> PathBuf {
    let path = folder.join("sent.tif");
    let mut file = Writer::new(File::create(&path).unwrap(), "sent.tif", WriteOptions::new(Coding::Mmr));
    pages.iter().for_each(|page| file.page(page, &PageAbout::default()).unwrap());
    file.finish().unwrap();
    path
}
/// The pages of a file that SpanDSP wrote; it makes none before the first page is there.
pub fn read(path: &Path) -> Vec<Page> {
    let Ok(file) = File::open(path) else { return vec![] };
    let Ok(mut reader) = Reader::open(file, "received.tif") else { return vec![] };
    std::iter::from_fn(|| reader.next_page()).map(|page| page.unwrap().page).collect()
}
/// Exact in every pel; SpanDSP may write a resolution that differs by a hair.
pub fn same(sent: &[Arc<Page>], got: &[Page]) -> bool {
    let alike = |a: &Page, b: &Page| a.width() == b.width() && a.height() == b.height() && (0..a.height()).all(|y| a.row(y) == b.row(y));
    sent.len() == got.len() && sent.iter().zip(got).all(|(a, b)| alike(a, b))
}
fn coding(name: &str) -> Coding {
    match name {
        "mh" => Coding::Mh,
        "mr" => Coding::Mr { k: 4 },
        _ => Coding::Mmr,
    }
}

/// A call with SpanDSP as one of its ends (0 calls). The folder holds its file.
struct Between {
    call: Call,
    folder: tempfile::TempDir,
    /// Where SpanDSP is.
    theirs: usize,
}

impl Between {
    fn new(how: How, sent: &[Arc<Page>], net: Net) -> Between {
        let folder = tempfile::tempdir().unwrap();
        let config = if how.version < 2 { AS_1998 } else { AS_2002 };
        let correction = how.correction.then_some(FrameSize::Large);
        let wishes = Wishes { correction, best_coding: coding(how.coding), fastest: Modulation::V17At14400 };
        let file = if how.caller { written(sent, folder.path()) } else { folder.path().join("received.tif") };
        let peer = Side::spandsp(Spandsp::stepped(how, &file).unwrap());
        let sides = match how.caller {
            true => [peer, Side::ours(the_answerer(Capabilities::OURS), config)],
            false => [Side::ours(the_caller(sent.to_vec(), Capabilities::OURS, wishes), config), peer],
        };
        Between { call: Call::new(sides, net), folder, theirs: usize::from(!how.caller) }
    }
    /// What came of it, once SpanDSP has closed its file.
    fn got(&mut self) -> Vec<Page> {
        if let Side::Spandsp { peer, .. } = std::mem::replace(&mut self.call.sides[self.theirs], Side::Gone) {
            peer.quit();
        }
        match self.theirs {
            0 => self.call.pages.iter().map(|received| received.page.clone()).collect(),
            _ => read(&self.folder.path().join("received.tif")),
        }
    }
}

#[test]
#[ignore = "peer: run through tests/run"]
fn spandsp_and_ours_send_each_other_pages_exactly() {
    let sent = pages(3);
    let (mut calls, mut complete, mut lost) = (0, 0, 0);
    for (caller, correction, coding, version) in [true, false].into_iter().flat_map(|caller| {
        [true, false].into_iter().flat_map(move |correction| {
            ["mh", "mr", "mmr"].into_iter().flat_map(move |coding| [0, 2].map(|version| (caller, correction, coding, version)))
        })
    }) {
        for (loss, seed) in [(0, 0), (50, 1), (50, 2)] {
            let how = How { caller, correction, coding, version };
            let mut between = Between::new(how, &sent, Net { lost: loss, doubled: loss, late: loss, seed });
            let held = between.call.run().unwrap_or_else(|why| panic!("{how:?} {loss} {seed}: {why}\n{:#?}", between.call.events));
            let (theirs, ours) = (between.theirs, 1 - between.theirs);
            let (code, words) = between.call.done(theirs).clone();
            let report = between.call.report(ours).clone();
            let well = code == 0 && report.complete();
            calls += 1;
            complete += usize::from(well);
            lost += between.call.lost;
            let exact = same(&sent, &between.got());
            println!("{how:?} lost {loss}/1000: {:.1} s, {words}, ours {:?}, exact {exact}", held.as_secs_f64(), report.failure);
            assert!(exact || !well, "{how:?} {loss} {seed}: all is well, and the pages differ");
            assert!(loss > 0 || well, "{how:?}: {code} {words} {report:?}\n{:#?}", between.call.events);
            assert!(well || report.failure.is_some() || code != 0);
        }
    }
    println!("{calls} calls, {complete} complete and exact; {lost} datagrams were lost");
    assert!(complete >= calls - 2, "{complete} of {calls}");
}

#[test]
#[ignore = "peer: run through tests/run"]
fn nothing_hangs_wherever_spandsp_or_ours_vanishes() {
    let sent = pages(1);
    let mut ends = std::collections::BTreeMap::new();
    for (caller, correction) in [(true, true), (true, false), (false, true), (false, false)] {
        let how = How { caller, correction, coding: "mr", version: 0 };
        let mut whole = Between::new(how, &sent, Net::default());
        whole.call.run().unwrap();
        // Just after each change of what an end says: in every phase.
        let indicators = |octets: &[u8]| Datagram::decode(octets).is_ok_and(|d| d.primary.len() == 1);
        let mut times: Vec<Instant> = whole.call.sent.iter().filter(|(_, _, d)| indicators(d)).map(|(at, ..)| *at).collect();
        times.dedup_by_key(|at| at.micros() / 700_000);
        for (at, side) in times.iter().flat_map(|at| [(*at, 0), (*at, 1)]) {
            let mut between = Between::new(how, &sent, Net::default());
            between.call.vanishes(side, Instant(at.micros() + 100_000));
            let (held, left) = (between.call.run(), 1 - side);
            let outcome = if left == between.theirs {
                // It may wait for ever for the end of a signal that has begun; that is its own affair.
                format!("SpanDSP: {}", held.map_or_else(|why| why, |_| between.call.done(left).1.clone()))
            } else {
                let held = held.unwrap_or_else(|why| panic!("{how:?}, side {side} vanishes at {at:?}: {why}"));
                assert!(held.as_secs() < 130, "{how:?}, side {side} vanishes at {at:?}: {held:?}");
                let report = between.call.report(left);
                format!("ours: {}", report.failure.as_ref().map_or("complete".into(), |f| f.to_string()))
            };
            *ends.entry(outcome).or_insert(0) += 1;
        }
    }
    ends.iter().for_each(|(outcome, count)| println!("{count:>4} {outcome}"));
    assert!(ends.len() > 8, "{ends:?}");
}

/// A capture of IPv4 without a link layer: what was sent from port 6004 + side.
fn capture(path: &Path, sent: &[(Instant, usize, Vec<u8>)]) {
    let mut out: Vec<u8> = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 101].iter().flat_map(|n| n.to_le_bytes()).collect();
    for (at, side, datagram) in sent {
        let (ip, udp) = (28 + datagram.len(), 8 + datagram.len());
        let head = [(at.micros() / 1_000_000) as u32, (at.micros() % 1_000_000) as u32, ip as u32, ip as u32];
        out.extend(head.iter().flat_map(|n| n.to_le_bytes()));
        let (from, to) = (*side as u8, 1 - *side as u8);
        out.extend([0x45, 0, (ip >> 8) as u8, ip as u8, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1 + from, 10, 0, 0, 1 + to]);
        for port in [6004 + u16::from(from), 6004 + u16::from(to), udp as u16, 0] {
            out.extend(port.to_be_bytes());
        }
        out.extend(datagram);
    }
    std::fs::write(path, out).unwrap();
}

/// What tshark's decoder should say of a datagram: number, type of the primary, its indicator or carrier, the fields of all packets, octets.
fn expected(datagram: &[u8], syntax: Syntax) -> String {
    let datagram = Datagram::decode(datagram).unwrap();
    let Recovery::Repeated(repeated) = &datagram.recovery else { panic!("no parity is sent") };
    let (mut types, mut indicators, mut carriers, mut kinds, mut octets) = (vec![], vec![], vec![], vec![], vec![]);
    for packet in std::iter::once(&datagram.primary).chain(repeated) {
        match Ifp::decode(packet, syntax).unwrap() {
            // An indicator of up to 15 is its own number in the second to fifth bits of the octet.
            Ifp::Indicator(_) => {
                types.push("0".to_owned());
                indicators.push((packet[0] >> 1).to_string());
            }
            Ifp::Data(Carried::By(modulation), fields) => {
                types.push("1".to_owned());
                carriers.push(match modulation {
                    Modulation::V21 => "0".to_owned(),
                    Modulation::V17At14400 => "8".to_owned(),
                    other => panic!("{other} in this call"),
                });
                for Field { kind, octets: held } in fields {
                    let number = match kind {
                        FieldKind::Hdlc => 0,
                        FieldKind::FcsOk => 2,
                        FieldKind::FcsOkSigEnd => 4,
                        FieldKind::NonEcm => 6,
                        FieldKind::NonEcmSigEnd => 7,
                        other => panic!("{other:?} in this call"),
                    };
                    kinds.push(number.to_string());
                    if !held.is_empty() {
                        octets.push(held.iter().map(|o| format!("{o:02x}")).collect::<String>());
                    }
                }
            }
            Ifp::Data(other, _) => panic!("{other:?}"),
        }
    }
    [datagram.number.to_string(), types.join(","), indicators.join(","), carriers.join(","), kinds.join(","), octets.join(",")].join("|")
}

#[test]
#[ignore = "peer: run through tests/run"]
fn tshark_reads_our_datagrams_as_they_are_meant() {
    let sent = pages(2);
    let (mut seen, mut malformed) = (0, 0);
    for (version, config) in [(0, AS_1998), (2, AS_2002)] {
        for correction in [None, Some(FrameSize::Large)] {
            let wishes = Wishes { correction, best_coding: Coding::Mmr, fastest: Modulation::V17At14400 };
            let caller = Side::ours(the_caller(sent.clone(), Capabilities::OURS, wishes), config);
            let mut call = Call::new([caller, Side::ours(the_answerer(Capabilities::OURS), config)], Net::default());
            call.run().unwrap();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("call.pcap");
            capture(&path, &call.sent);
            let old = format!("t38.use_pre_corrigendum_asn1_specification:{}", if version == 0 { "TRUE" } else { "FALSE" });
            let fields = ["seq_number", "type_of_msg", "t30_indicator", "t30_data", "field_type", "field_data"];
            let tshark = Command::new("tshark")
                .args(["-n", "-r", path.to_str().unwrap(), "-d", "udp.port==6004,t38", "-o", &old, "-o", "t38.reassembly:FALSE"])
                .args(["-T", "fields", "-E", "separator=|", "-E", "aggregator=,"])
                .args(fields.iter().flat_map(|f| ["-e".to_owned(), format!("t38.{f}")]))
                .args(["-e", "_ws.malformed"])
                .output()
                .unwrap_or_else(|e| panic!("tshark is the peer here, and cannot be started ({e}): apt-get install tshark"));
            let text = String::from_utf8(tshark.stdout).unwrap();
            assert_eq!(text.lines().count(), call.sent.len(), "{}", String::from_utf8_lossy(&tshark.stderr));
            for (line, (_, _, datagram)) in text.lines().zip(&call.sent) {
                let (read, flaw) = line.rsplit_once('|').unwrap();
                malformed += usize::from(!flaw.is_empty());
                assert_eq!(read, expected(datagram, config.syntax), "datagram {seen}");
                seen += 1;
            }
        }
    }
    println!("tshark read {seen} datagrams, {malformed} malformed");
    assert!(seen > 500 && malformed == 0, "{seen} {malformed}");
}
