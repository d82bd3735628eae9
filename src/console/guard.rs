//! Who may ask: the `Host` asked for, the page that asks, the token, the content type. Before any handler.
//!
//! Standards: RFC 6750 (Bearer), RFC 6454 (Origin); 421 as RFC 9110 15.5.20.
//! In: a request's head. Out: nothing, or the status and one sentence.
//! A web page on this machine's browser can send to any loopback port: the allowed `Host`s stop one that has its name
//! point here (DNS rebinding), `Origin` and content type stop one that posts a form.
//! Left out: accounts, rights: who has the token may do all. Shown by: `tests/it/api.rs`.

use super::Working;
use super::api::Fail;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::sync::Arc;

/// What may stand in `Host` for a console at `address`, configured as `listen`.
pub fn allowed_hosts(listen: &str, address: SocketAddr) -> Vec<String> {
    let port = address.port();
    let mut hosts = vec![address.to_string()];
    hosts.extend(Some(listen.to_ascii_lowercase()).filter(|l| !l.is_empty()));
    for name in ["localhost", "127.0.0.1", "[::1]"] {
        hosts.push(format!("{name}:{port}"));
        if port == 80 {
            hosts.push(name.into()); // the port is left out of Host then
        }
    }
    hosts
}

/// Lets through what is allowed, and marks each answer as nothing to be kept or guessed at.
pub(super) async fn guard(State(working): State<Arc<Working>>, request: Request, next: Next) -> Response {
    let mut response = match check(&working, &request) {
        Ok(()) => next.run(request).await,
        Err(fail) => fail.into_response(),
    };
    let marks: [(HeaderName, &str); 2] = [(header::CACHE_CONTROL, "no-store"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    for (name, value) in marks {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn check(working: &Working, request: &Request) -> Result<(), Fail> {
    let (headers, hosts) = (request.headers(), &working.console.hosts);
    host(headers, request.uri().authority().map(|a| a.as_str()), hosts)?;
    origin(headers, hosts)?;
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    bearer(headers, &working.console.token)?;
    content_type(headers, request.method())
}

fn shown(value: &[u8]) -> String {
    String::from_utf8_lossy(value).chars().take(80).collect::<String>().escape_debug().to_string()
}

/// One `Host`, and one of ours; so must be the authority of a request in absolute form.
fn host(headers: &HeaderMap, authority: Option<&str>, hosts: &[String]) -> Result<(), Fail> {
    let mut all = headers.get_all(header::HOST).iter();
    let (first, second) = (all.next().map(HeaderValue::as_bytes).unwrap_or_default(), all.next());
    let ours = |h: &[u8]| hosts.iter().any(|o| o.as_bytes().eq_ignore_ascii_case(h));
    match authority.map(str::as_bytes).filter(|a| !ours(a)) {
        None if ours(first) && second.is_none() => Ok(()),
        foreign => Err(Fail(
            StatusCode::MISDIRECTED_REQUEST,
            format!("`Host: {}` is not this station; ask for {}", shown(foreign.unwrap_or(first)), hosts.first().map_or("", |h| h)),
        )),
    }
}

/// No page of another site; a request without `Origin` is not a page's, or is the console's own.
fn origin(headers: &HeaderMap, hosts: &[String]) -> Result<(), Fail> {
    for origin in headers.get_all(header::ORIGIN) {
        let host = origin.as_bytes().strip_prefix(b"http://");
        if !host.is_some_and(|h| hosts.iter().any(|o| o.as_bytes().eq_ignore_ascii_case(h))) {
            let why = format!("a page of `{}` may not use this station", shown(origin.as_bytes()));
            return Err(Fail(StatusCode::FORBIDDEN, why));
        }
    }
    Ok(())
}

pub(super) fn bearer(headers: &HeaderMap, token: &str) -> Result<(), Fail> {
    let given = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let Some(given) = given.and_then(|g| g.split_at_checked(7)).filter(|(b, _)| b.eq_ignore_ascii_case(b"bearer ")) else {
        return Err(Fail(
            StatusCode::UNAUTHORIZED,
            "this needs `Authorization: Bearer TOKEN`; the token is in `api-token` in the station's data folder".into(),
        ));
    };
    if !same(given.1, token.as_bytes()) {
        return Err(Fail(StatusCode::UNAUTHORIZED, "the token is not this station's; it is in `api-token` in its data folder".into()));
    }
    Ok(())
}

/// Whether both are the same, in a time that does not tell how far they are: their hashes are compared whole.
fn same(a: &[u8], b: &[u8]) -> bool {
    let (a, b) = (Sha256::digest(a), Sha256::digest(b));
    a.iter().zip(b.iter()).fold(0, |differ, (x, y)| differ | (x ^ y)) == 0
}

/// What a form can send without asking first is refused.
fn content_type(headers: &HeaderMap, method: &Method) -> Result<(), Fail> {
    let given = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let essence = given.split(|b| *b == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    let form = [&b"application/x-www-form-urlencoded"[..], b"multipart/form-data", b"text/plain"].contains(&&essence[..]);
    let wanted = match *method {
        Method::PUT if form => "`application/octet-stream`",
        Method::PUT => return Ok(()),
        _ if essence == b"application/json" => return Ok(()),
        _ => "`application/json`",
    };
    Err(Fail(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("`Content-Type: {}` is not taken here, expected {wanted}", shown(given))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_token_is_the_same() {
        assert!(same(b"abc", b"abc"));
        for other in [&b"abd"[..], b"ab", b"abcd", b""] {
            assert!(!same(other, b"abc"));
        }
    }

    #[test]
    fn host_must_be_one_of_ours_and_only_one() {
        let hosts = allowed_hosts("127.0.0.1:1963", "127.0.0.1:1963".parse().unwrap());
        let with = |values: &[&str]| {
            let mut h = HeaderMap::new();
            values.iter().for_each(|v| {
                h.append(header::HOST, v.parse().unwrap());
            });
            h
        };
        for good in ["127.0.0.1:1963", "LocalHost:1963", "[::1]:1963"] {
            assert!(host(&with(&[good]), None, &hosts).is_ok(), "{good}");
        }
        for bad in [&["evil.example:1963"][..], &["localhost"], &["localhost:1963", "evil.example"], &[], &["127.0.0.1:19630"]] {
            assert!(host(&with(bad), None, &hosts).is_err(), "{bad:?}");
        }
        assert!(host(&with(&["localhost:1963"]), Some("evil.example"), &hosts).is_err());
    }
}
