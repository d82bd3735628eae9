//! The fuzz targets' bodies (`tests/fuzz`) over the kept corpus, without cargo-fuzz.

#[path = "../fuzz/bodies/mod.rs"]
mod bodies;

use std::path::Path;

/// Runs a body over every file kept for its target; returns how many there are.
fn replay(target: &str, body: fn(&[u8])) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fuzz").join(target);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for file in &files {
        let data = std::fs::read(file).unwrap();
        if let Err(why) = std::panic::catch_unwind(|| body(&data)) {
            eprintln!("the finding is from {}", file.display());
            std::panic::resume_unwind(why);
        }
    }
    files.len()
}

#[test]
fn the_decoders_hold_over_the_kept_corpus() {
    let files = replay("decoder", bodies::decoder::run);
    assert!((20..300).contains(&files), "{files} files");
}

#[test]
fn the_procedure_holds_over_the_kept_corpus() {
    let files = replay("procedure", bodies::procedure::run);
    assert!((20..300).contains(&files), "{files} files");
}

#[test]
fn the_files_of_fax_pages_hold_over_the_kept_corpus() {
    let files = replay("tiff", bodies::tiff::run);
    assert!((20..300).contains(&files), "{files} files");
}

#[test]
fn the_fax_codes_hold_over_the_kept_corpus() {
    for (target, body) in [("mh", bodies::fax::mh as fn(&[u8])), ("mr", bodies::fax::mr), ("mmr", bodies::fax::mmr)] {
        let files = replay(target, body);
        assert!((10..300).contains(&files), "{target}: {files} files");
    }
}

#[test]
fn bits_of_hdlc_and_packets_of_t38_hold_over_the_kept_corpus() {
    for (target, body) in [("hdlc", bodies::hdlc::run as fn(&[u8])), ("t38", bodies::t38::run)] {
        let files = replay(target, body);
        assert!((10..300).contains(&files), "{target}: {files} files");
    }
}

/// The corpus is what a search found; this is what it would find at once.
#[test]
fn packets_of_t38_hold_for_bytes_of_no_design() {
    let mut luck = 1986u64;
    for round in 0..600 {
        let data: Vec<u8> = (0..400)
            .map(|_| {
                luck = luck.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (luck >> 56) as u8
            })
            .collect();
        bodies::t38::run(&[&[round as u8], &data[..]].concat());
        bodies::hdlc::run(&data);
    }
}

#[test]
fn fax_frames_and_calls_hold_over_the_kept_corpus() {
    let files = replay("call", bodies::call::run);
    assert!((20..300).contains(&files), "{files} files");
}

#[test]
fn mails_hold_over_the_kept_corpus() {
    let files = replay("mail", bodies::mail::run);
    assert!((20..300).contains(&files), "{files} files");
}

#[test]
fn smtp_sessions_hold_over_the_kept_corpus() {
    for (target, body) in [("smtp_server", bodies::smtp::server as fn(&[u8])), ("smtp_client", bodies::smtp::client)] {
        let files = replay(target, body);
        assert!((20..300).contains(&files), "{target}: {files} files");
    }
}

/// The checker is itself checked: over the same corpus a planted fault is found.
#[cfg(feature = "faults")]
#[test]
fn the_procedures_checks_find_planted_faults() {
    use molink::faults::{Fault, plant};
    let found = |fault: Fault| {
        let mut inputs: Vec<Vec<u8>> = vec![];
        for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fuzz/procedure")).unwrap() {
            inputs.push(std::fs::read(file.unwrap().path()).unwrap());
        }
        plant(Some(fault));
        let found = inputs.iter().filter(|data| std::panic::catch_unwind(|| bodies::procedure::run(data)).is_err()).count();
        plant(None);
        println!("{fault:?}: found by {found} of {} inputs", inputs.len());
        found
    };
    assert!(found(Fault::RetryReusesKey) > 0);
    assert!(found(Fault::LateReceiptTaken) > 0);
}
