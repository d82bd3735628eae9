//! Certificates as people have them: `molink certs`, `molink check`, and OpenSSL at the far end.

use crate::support::{House, peer, text};
use crate::tls::{DAY, Folders, LONG, ago, soon};
use crate::wire::address;
use molink::line::ip::certs::{self, Cert, world_utc};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[test]
fn certs_makes_shows_and_pins_and_says_what_comes_next() {
    let house = House::new();
    let run = |args: &[&str]| {
        let done = house.run(args, LONG);
        (done.status.code(), text(&done.stdout), text(&done.stderr))
    };
    let (code, out, err) = run(&["certs", "make", "Moscow", "--days", "10"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(
        out.contains("moscow: valid 2")
            && out.contains("molink certs pin moscow.crt")
            && out.contains("{ tcp = \"HOST:PORT\", tls = \"certs\" }"),
        "{out}"
    );
    assert!(out.contains("{ smtp = \"HOST:PORT\", listen = \"HOST:PORT\", tls = \"certs\" }") && out.contains("`peer`"), "{out}");
    assert!(out.lines().all(|l| l.chars().count() < 80), "{out}");
    use std::os::unix::fs::PermissionsExt;
    let mode = |file: &str| std::fs::metadata(house.path(file)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("certs"), mode("certs/moscow.key")), (0o700, 0o600));
    let (code, _, err) = run(&["certs", "make", "moscow"]);
    assert!(code == Some(2) && err.contains("is there already"), "{err}");
    for (args, words) in [
        (&["certs", "make", "mos cow"][..], "`mos cow` is not a name"),
        (&["certs", "make", "moscow", "--days", "0"], "--days: `0` is not possible; give 1 to 7300"),
        (&["certs", "show", "nothing"], "there is no `nothing`"),
    ] {
        let (code, _, err) = run(args);
        assert!(code == Some(2) && err.contains(words), "{err}");
    }
    let (code, _, err) = run(&["certs", "pin", "certs/moscow.key", "--out", "w"]);
    assert!(code == Some(2) && err.contains("holds a private key, which must never leave its station"), "{err}");
    for said in ["pinned as w/moscow.crt", "was pinned in w/moscow.crt already"] {
        let (code, out, _) = run(&["certs", "pin", "certs/moscow.crt", "--out", "w"]);
        assert!(code == Some(0) && out.contains(said), "{out}");
    }
    let (code, _, err) = run(&["certs", "pin", "certs/moscow.crt"]);
    assert!(code == Some(2) && err.contains("this folder's own station"), "{err}");
    let (code, out, _) = run(&["certs", "show", "w"]);
    let print = certs::read(&house.path("certs/moscow.crt")).unwrap()[0].fingerprint();
    assert!(code == Some(0) && out.replace("\n          ", "").contains(&print), "{out}");
    certs::make(&house.path("old"), "moscow", ago(400 * DAY), 365).unwrap();
    let (code, out, _) = run(&["certs", "show", "w", "old"]);
    assert!(code == Some(1) && out.contains("ENDED 35 days ago"), "{out}");
}

#[test]
fn check_says_what_is_wrong_with_a_line_in_tls_whatever_year_the_station_plays() {
    let house = House::new();
    certs::make(&house.path("certs"), "moscow", world_utc(), 10).unwrap();
    let write = |peer: &str| {
        let line = format!("line = {{ listen = \"{}\", tls = \"certs\" }}", address());
        let file = format!(
            "station = \"moscow\"\nlisten = \"off\"\nstart = \"1963-08-30T16:00:00Z\"\n[port.cable]\nbackend = \"teletype\"\n{line}\n{peer}"
        );
        house.file("m.toml", file)
    };
    write("");
    let done = house.run(&["check", "m.toml"], LONG);
    assert!(text(&done.stderr).contains("m.toml:6: port `cable`: `line` has tls and the port no `peer`"), "{}", text(&done.stderr));
    write("peer = \"washington\"\n");
    let done = house.run(&["check", "m.toml"], LONG);
    let said = text(&done.stdout);
    assert!(said.contains("certs/washington.crt` cannot be read") && said.contains("get washington.crt"), "{said}");
    certs::make(&house.path("w"), "washington", world_utc(), 10).unwrap();
    certs::pin(&house.path("certs"), &house.path("w/washington.crt")).unwrap();
    let done = house.run(&["check", "m.toml"], LONG);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stdout));
}

/// A peer nobody here wrote, in clear text on its two pipes.
fn openssl(args: &[&str]) -> tokio::process::Child {
    let mut command = tokio::process::Command::new(peer("openssl", "openssl"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command.spawn().unwrap()
}

fn path(folder: &Path, station: &str, ending: &str) -> String {
    certs::file(folder, station, ending).display().to_string()
}

#[tokio::test]
#[ignore = "peer: run through tests/run"]
async fn openssl_calls_with_a_made_certificate_and_is_refused_with_a_foreign_one() {
    let (folders, at) = (Folders::new(), address());
    let listens = folders.listening(&at);
    assert!(tokio::time::timeout(Duration::from_millis(1), listens.open()).await.is_err());
    let client = |folder: &Path, more: &[&str]| {
        let (crt, key) = (path(folder, "washington", "crt"), path(folder, "washington", "key"));
        let trusted = path(&folders.of("moscow"), "moscow", "crt");
        let mut args = vec!["s_client", "-connect", &at, "-cert", &crt, "-key", &key, "-CAfile", &trusted, "-verify_return_error"];
        args.extend(["-verify_hostname", "moscow", "-quiet"]);
        args.extend(more);
        openssl(&args)
    };
    let codes: Vec<u8> = (0..32).collect();
    let mut peer = client(&folders.of("washington"), &[]);
    let mut opened = soon("openssl", listens.open()).await.unwrap();
    let (mut there, mut back) = (peer.stdin.take().unwrap(), peer.stdout.take().unwrap());
    let mut got = [0; 32];
    there.write_all(&codes).await.unwrap();
    soon("codes from openssl", opened.stream.read_exact(&mut got)).await.unwrap();
    assert_eq!(got[..], codes);
    opened.stream.write_all(&codes).await.unwrap();
    opened.stream.flush().await.unwrap();
    soon("codes to openssl", back.read_exact(&mut got)).await.unwrap();
    assert_eq!(got[..], codes);
    drop((opened, there));
    soon("its end", peer.wait()).await.unwrap();
    let false_one = folders.other("false", "washington", world_utc(), 30);
    let old = folders.other("old", "washington", ago(400 * DAY), 365);
    certs::pin(&folders.of("moscow"), &certs::file(&old, "washington", "crt")).unwrap();
    for (folder, more, words, alert) in [
        (&false_one, &[][..], "calls itself washington", "unknown ca"),
        (&old, &[], "the certificate of washington ended on", "certificate expired"),
        (&folders.of("washington"), &["-tls1_2"], "offers no TLS 1.3", "protocol version"),
    ] {
        let (said, ended) = soon("a refusal", async { tokio::join!(listens.open(), client(folder, more).wait_with_output()) }).await;
        let (said, ended) = (said.unwrap_err(), ended.unwrap());
        assert!(said.contains(words), "{said}");
        assert!(!ended.status.success() && text(&ended.stderr).contains(alert), "{}", text(&ended.stderr));
    }
}

#[tokio::test]
#[ignore = "peer: run through tests/run"]
async fn openssl_answers_with_a_made_certificate_and_is_refused_with_a_foreign_one() {
    let folders = Folders::new();
    let server = |at: &str, folder: &Path, trusted: &Path, more: &[&str]| {
        let (crt, key) = (path(folder, "moscow", "crt"), path(folder, "moscow", "key"));
        let trusted = path(trusted, "washington", "crt");
        let mut args = vec!["s_server", "-accept", at, "-cert", &crt, "-key", &key, "-CAfile", &trusted, "-Verify", "1"];
        args.extend(["-verify_return_error", "-naccept", "1", "-quiet"]);
        args.extend(more);
        openssl(&args)
    };
    let reached = |at: String| {
        let calls = folders.calling(&at);
        async move {
            loop {
                match calls.open().await {
                    Err(why) if why.contains("is the other end listening") => tokio::time::sleep(Duration::from_millis(20)).await,
                    other => return other,
                }
            }
        }
    };
    let codes: Vec<u8> = (0..32).collect();
    // With the word that the certificate was taken, and from a server that gives none.
    for more in [&[][..], &["-num_tickets", "0"]] {
        let at = address();
        let mut peer = server(&at, &folders.of("moscow"), &folders.of("washington"), more);
        let mut opened = soon("openssl", reached(at)).await.unwrap();
        let (mut there, mut back) = (peer.stdin.take().unwrap(), peer.stdout.take().unwrap());
        let mut got = [0; 32];
        there.write_all(&codes).await.unwrap();
        soon("codes from openssl", opened.stream.read_exact(&mut got)).await.unwrap();
        assert_eq!(got[..], codes);
        opened.stream.write_all(&codes).await.unwrap();
        opened.stream.flush().await.unwrap();
        soon("codes to openssl", back.read_exact(&mut got)).await.unwrap();
        assert_eq!(got[..], codes);
    }
    let false_one = folders.other("false", "moscow", world_utc(), 30);
    let stranger = folders.other("stranger", "washington", world_utc(), 30);
    let at = address();
    let _peer = server(&at, &false_one, &folders.of("washington"), &[]);
    let said = soon("a refusal", reached(at)).await.unwrap_err();
    assert!(said.contains("calls itself moscow, but its certificate"), "{said}");
    // And refused by it: it trusts another washington.
    let at = address();
    let _peer = server(&at, &folders.of("moscow"), &stranger, &[]);
    let said = soon("a refusal", reached(at)).await.unwrap_err();
    assert!(said.contains("moscow") && said.contains("certificate of washington"), "{said}");
}

#[test]
#[ignore = "peer: run through tests/run"]
fn openssl_reads_what_certs_makes_as_it_was_meant() {
    let folders = Folders::new();
    let crt = path(&folders.of("moscow"), "moscow", "crt");
    let run = |args: &[&str]| text(&Command::new(peer("openssl", "openssl")).args(args).output().unwrap().stdout);
    let shown = run(&["x509", "-in", &crt, "-noout", "-text", "-fingerprint", "-sha256"]);
    let Ok([cert]) = <[Cert; 1]>::try_from(certs::read(Path::new(&crt)).unwrap()) else { panic!("one certificate") };
    assert!(shown.contains(&cert.fingerprint()), "{shown}");
    for words in ["Subject: CN = moscow", "DNS:moscow", "TLS Web Server Authentication, TLS Web Client Authentication", "NIST CURVE: P-256"]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(run(&["verify", "-CAfile", &crt, &crt]).contains("OK"));
}
