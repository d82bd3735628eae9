//! The API's resources: contents, messages, one message and its text, events.
//!
//! Standards: HTTP/1.1; `Idempotency-Key`. In: requests the guard let through. Out: JSON; an error is `{"error": "one sentence"}`.
//! A message is answered 201 only after the router said that it is on disk.
//! Left out: reading back contents that are files. Shown by: `tests/it/api.rs`, `docs/api.md`.

use super::{Submitted, Working, guard, sse, submission};
use crate::message::{Draft, Identity};
use crate::router::journal::reader::{Filter, Reader};
use crate::router::journal::store::{LARGEST, PutError};
use crate::router::journal::{JournalError, State as Stands};
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router, middleware};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio_stream::StreamExt;

/// Bytes of a `POST`.
const POST: u64 = 4 << 20;
/// How long nothing may come of a body that is being read.
const SILENCE: Duration = Duration::from_secs(30);
/// Rows in a list, unless fewer are asked for; and the most.
const ROWS: (usize, usize) = (100, 1000);
/// Events of one message in an answer, the oldest.
const HISTORY: usize = 1000;

type Answer = Result<Response, Fail>;
type Shared = State<Arc<Working>>;

/// A status and one sentence.
pub(super) struct Fail(pub StatusCode, pub String);

impl IntoResponse for Fail {
    fn into_response(self) -> Response {
        let mut response = (self.0, Json(json!({ "error": self.1 }))).into_response();
        if self.0 == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<JournalError> for Fail {
    fn from(e: JournalError) -> Fail {
        Fail(StatusCode::SERVICE_UNAVAILABLE, e.to_string())
    }
}

pub(super) fn routes(working: Arc<Working>) -> Router {
    let no_such = || async { Fail(StatusCode::NOT_FOUND, "there is no such resource; see docs/api.md".into()) };
    let no_method = || async { Fail(StatusCode::METHOD_NOT_ALLOWED, "this resource does not take that method; see docs/api.md".into()) };
    Router::new()
        .route("/api/content/{sha256}", put(put_content))
        .route("/api/messages", get(list).post(post))
        .route("/api/messages/{id}", get(one))
        .route("/api/messages/{id}/content", get(content))
        .route("/api/events", get(events))
        .fallback(no_such)
        .method_not_allowed_fallback(no_method)
        .layer(middleware::from_fn_with_state(working.clone(), guard::guard))
        .with_state(working)
}

fn bad(why: impl std::fmt::Display) -> Fail {
    Fail(StatusCode::BAD_REQUEST, why.to_string())
}

fn too_large(most: u64) -> Fail {
    Fail(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {} MiB; send it in parts", most >> 20))
}

/// Gives a body to `take` piece by piece; no more than `most` bytes, and no longer than [`SILENCE`] between two.
async fn body(headers: &HeaderMap, body: Body, most: u64, mut take: impl FnMut(&[u8]) -> Result<(), Fail>) -> Result<(), Fail> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|l| l.to_str().ok()).and_then(|l| l.parse::<u64>().ok());
    if length.is_some_and(|l| l > most) {
        return Err(too_large(most));
    }
    let mut left = most;
    let mut pieces = body.into_data_stream();
    loop {
        let late = |_| Fail(StatusCode::REQUEST_TIMEOUT, format!("nothing of the body came for {} s", SILENCE.as_secs()));
        let Some(piece) = tokio::time::timeout(SILENCE, pieces.next()).await.map_err(late)? else { return Ok(()) };
        let piece = piece.map_err(|e| bad(format!("the body broke off: {e}")))?;
        left = left.checked_sub(piece.len() as u64).ok_or_else(|| too_large(most))?;
        take(&piece)?;
    }
}

async fn put_content(State(working): Shared, Path(sha256): Path<String>, headers: HeaderMap, bytes: Body) -> Answer {
    let _turn = working.bodies.acquire().await;
    let refused = |e: PutError| match e {
        PutError::Name(_) => bad(e),
        PutError::Mismatch { .. } => Fail(StatusCode::UNPROCESSABLE_ENTITY, e.to_string()),
        PutError::TooLarge => too_large(LARGEST),
        PutError::Disk(_) | PutError::Source(_) => Fail(StatusCode::SERVICE_UNAVAILABLE, e.to_string()),
    };
    let (store, name) = (working.console.store.clone(), sha256.clone());
    let mut incoming = store.begin(&name).map_err(refused)?;
    // A piece is some kilobytes to the page cache; the sync at the end is what takes time.
    body(&headers, bytes, LARGEST, |piece| incoming.write(piece).map_err(refused)).await?;
    let kept = tokio::task::spawn_blocking(move || incoming.keep()).await;
    let new = kept.map_err(|e| Fail(StatusCode::INTERNAL_SERVER_ERROR, format!("internal error: {e}")))?.map_err(refused)?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(json!({ "sha256": sha256 }))).into_response())
}

async fn post(State(working): Shared, headers: HeaderMap, bytes: Body) -> Answer {
    let key = idempotency_key(&headers)?;
    let turn = working.bodies.acquire().await;
    let mut json = vec![];
    body(&headers, bytes, POST, |piece| {
        json.extend_from_slice(piece);
        Ok(())
    })
    .await?;
    let console = working.console.clone();
    let read = tokio::task::spawn_blocking(move || submission::read(&console, &json)).await;
    let draft = read.map_err(|e| Fail(StatusCode::INTERNAL_SERVER_ERROR, format!("internal error: {e}")))??;
    drop(turn);
    let id = |status: StatusCode, id: Identity| (status, Json(json!({ "id": id }))).into_response();
    match working.console.desk.submit(draft.clone(), key).await {
        Submitted::Accepted(new) => Ok(id(StatusCode::CREATED, new)),
        Submitted::Known(known) => {
            the_same(&working, &known, draft).await?;
            Ok(id(StatusCode::OK, known))
        }
        Submitted::Refused(why) => Err(Fail(StatusCode::UNPROCESSABLE_ENTITY, why)),
        Submitted::Unknown(why) => Err(Fail(StatusCode::NOT_FOUND, why)),
        Submitted::Stuck(why) => Err(Fail(StatusCode::SERVICE_UNAVAILABLE, why)),
    }
}

/// A key that comes again must come with the same message: another one would be lost under a 200.
async fn the_same(working: &Arc<Working>, known: &Identity, draft: Draft) -> Result<(), Fail> {
    let id = known.clone();
    let Some(mut message) = working.ask(move |r| r.load(&id)).await? else { return Ok(()) };
    message.envelope.via = draft.envelope.via.clone();
    if message.envelope == draft.envelope && message.content == draft.content {
        return Ok(());
    }
    Err(Fail(
        StatusCode::CONFLICT,
        format!("this `Idempotency-Key` was used for another message, {known}; make a new key for each message"),
    ))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Fail> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let good = (1..=128).contains(&key.len()) && key.as_bytes().iter().all(u8::is_ascii_graphic);
    let text = key.to_str().ok().filter(|_| good);
    text.map(|k| Some(k.to_owned())).ok_or_else(|| bad("`Idempotency-Key` must be 1 to 128 visible ASCII characters"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    state: Option<String>,
    limit: Option<usize>,
    before: Option<String>,
}

async fn list(State(working): Shared, query: Result<Query<Listing>, axum::extract::rejection::QueryRejection>) -> Answer {
    let Query(Listing { state, limit, before }) = query.map_err(|e| bad(e.body_text()))?;
    let state: Option<Stands> = state.map(|s| s.parse()).transpose().map_err(|e: String| bad(e))?;
    let filter = Filter { state, limit: limit.unwrap_or(ROWS.0).min(ROWS.1) };
    let before: Option<Identity> = before.map(|id| id.parse()).transpose().map_err(|e: String| bad(e.escape_debug()))?;
    if let Some(id) = before.clone() {
        let asked = id.clone();
        working.ask(move |r| r.find(&asked)).await?.ok_or_else(|| Fail(StatusCode::NOT_FOUND, format!("there is no message {id} here")))?;
    }
    // The event's number first: who goes on from it misses nothing that the list has not.
    let page = working.ask(move |r| Ok((r.last_event()?, r.explained(r.list_before(&filter, before.as_ref())?)?)));
    let (last, rows) = page.await?;
    let (station, desks) = (&working.console.station, &working.console.desks);
    Ok(Json(json!({ "station": station, "desks": desks, "messages": rows, "last_event": last })).into_response())
}

/// A message with its text: only for who has the token, as what people write is not everybody's on this machine.
async fn content(State(working): Shared, Path(id): Path<String>, headers: HeaderMap) -> Answer {
    guard::bearer(&headers, &working.console.token)?;
    let id: Identity = id.parse().map_err(|e: String| bad(e.escape_debug()))?;
    let asked = id.clone();
    let message = working.ask(move |r| r.load(&asked)).await?;
    let message = message.ok_or_else(|| Fail(StatusCode::NOT_FOUND, format!("there is no message {id} here")))?;
    Ok(Json(message).into_response())
}

async fn one(State(working): Shared, Path(id): Path<String>) -> Answer {
    let id: Identity = id.parse().map_err(|e: String| bad(e.escape_debug()))?;
    let asked = id.clone();
    let found = |r: &Reader, id: &Identity| Ok(r.explained(r.find(id)?.into_iter().collect())?.pop());
    let (row, events) = working.ask(move |r| Ok((found(r, &asked)?, r.events_of(&asked, HISTORY)?))).await?;
    let row = row.ok_or_else(|| Fail(StatusCode::NOT_FOUND, format!("there is no message {id} here")))?;
    let mut numbered = vec![];
    for (n, event) in events {
        let mut value = serde_json::to_value(&event).map_err(|e| Fail(StatusCode::INTERNAL_SERVER_ERROR, e.to_string()))?;
        if let Some(fields) = value.as_object_mut() {
            fields.insert("n".into(), n.into());
        }
        numbered.push(value);
    }
    Ok(Json(json!({ "message": row, "events": numbered })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resume {
    after: Option<u64>,
}

async fn events(
    State(working): Shared,
    query: Result<Query<Resume>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Answer {
    let Query(Resume { after }) = query.map_err(|e| bad(e.body_text()))?;
    let last = match headers.get("last-event-id").map(|id| id.to_str().ok().and_then(|id| id.parse().ok())) {
        None => after,
        Some(Some(n)) => Some(n),
        Some(None) => return Err(bad("`Last-Event-ID` must be the number of an event")),
    };
    let Ok(slot) = working.readers.clone().try_acquire_owned() else {
        return Err(Fail(StatusCode::SERVICE_UNAVAILABLE, "too many readers of the event feed; close one".into()));
    };
    let chunks = tokio_stream::wrappers::ReceiverStream::new(sse::start(working, last, slot));
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(chunks)).into_response())
}
