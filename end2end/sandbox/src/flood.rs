//! Answers that are too much: bodies and headers beyond all measure, and a body that
//! comes byte by byte.
//!
//! It must not know which requests they strike.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::{Deserialize, Serialize};

/// How an answer is too much. Each is 200 and JSON as far as it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flood {
    /// A whole JSON document of so many bytes, or a few more.
    Body {
        /// How many.
        bytes: u64,
        /// Whether `content-length` tells it beforehand.
        #[serde(default)]
        announced: bool,
    },
    /// A body without an end.
    Endless,
    /// A list in a list in a list.
    Nested {
        /// How deep.
        depth: u32,
    },
    /// So many headers.
    Headers {
        /// How many; 20000 at most.
        count: u32,
    },
    /// One header of so many bytes.
    LongHeader {
        /// How many.
        bytes: u32,
    },
    /// One byte each so many milliseconds of real time, without an end.
    Trickle {
        /// The milliseconds.
        ms: u64,
    },
    /// Takes place, as only this one does; the answer sets so many cookies.
    Cookies {
        /// How many; 20000 at most.
        count: u32,
    },
}

/// A `HeaderMap` holds no more than 32768 of them.
const MOST_HEADERS: u32 = 20_000;
/// What a large body is made of.
const CHUNK: usize = 64 * 1024;
const HEAD: &[u8] = br#"{"data":[""#;
const FOOT: &[u8] = br#""]}"#;

impl Flood {
    /// The answer; none if the request's own answer is to be added to.
    pub(crate) fn response(&self) -> Option<Response> {
        let mut headers = HeaderMap::new();
        let body = match *self {
            Self::Body { bytes, announced } => {
                if announced {
                    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size(bytes)));
                }
                large(bytes)
            }
            Self::Endless => large(u64::MAX),
            Self::Nested { depth } => {
                let depth = usize::try_from(depth).unwrap_or(usize::MAX);
                Body::from("[".repeat(depth) + &"]".repeat(depth))
            }
            Self::Headers { count } => {
                for n in 0..count.min(MOST_HEADERS) {
                    if let Ok(name) = HeaderName::try_from(format!("x-flood-{n}")) {
                        headers.insert(name, HeaderValue::from(n));
                    }
                }
                Body::from("{}")
            }
            Self::LongHeader { bytes } => {
                let long = "x".repeat(usize::try_from(bytes).unwrap_or(usize::MAX));
                headers.extend(
                    HeaderValue::from_str(&long).ok().map(|long| (HeaderName::from_static("x-flood"), long)),
                );
                Body::from("{}")
            }
            Self::Trickle { ms } => trickle(Duration::from_millis(ms)),
            Self::Cookies { .. } => return None,
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut response = Response::new(body);
        *response.headers_mut() = headers;
        Some(response)
    }

    /// What is added to the request's own answer.
    pub(crate) fn add_to(&self, response: &mut Response) {
        let Self::Cookies { count } = self else { return };
        for n in 0..(*count).min(MOST_HEADERS) {
            let line = format!("flood{n}={n}; Path=/; Secure; HttpOnly");
            if let Ok(line) = HeaderValue::from_str(&line) {
                response.headers_mut().append(header::SET_COOKIE, line);
            }
        }
    }
}

fn filling(bytes: u64) -> u64 {
    bytes.saturating_sub(length(HEAD) + length(FOOT))
}

/// The size of what [`large`] makes.
fn size(bytes: u64) -> u64 {
    filling(bytes) + length(HEAD) + length(FOOT)
}

fn length(part: &[u8]) -> u64 {
    u64::try_from(part.len()).unwrap_or(u64::MAX)
}

/// `{"data":["xxx…"]}`, made as it is read.
fn large(bytes: u64) -> Body {
    let chunk = Bytes::from(vec![b'x'; CHUNK]);
    let middle = stream::unfold(filling(bytes), move |left| {
        let chunk = chunk.clone();
        async move {
            let taken = left.min(length(&chunk));
            let part = chunk.slice(..usize::try_from(taken).unwrap_or(CHUNK));
            (left > 0).then_some((part, left - taken))
        }
    });
    let ends = |part: &'static [u8]| stream::once(async move { Bytes::from_static(part) });
    Body::from_stream(ends(HEAD).chain(middle).chain(ends(FOOT)).map(Ok::<_, Infallible>))
}

fn trickle(pause: Duration) -> Body {
    let bytes = stream::unfold(0_usize, move |at| async move {
        tokio::time::sleep(pause).await;
        let byte = HEAD.get(at).copied().unwrap_or(b'x');
        Some((Ok::<_, Infallible>(Bytes::copy_from_slice(&[byte])), at.saturating_add(1)))
    });
    Body::from_stream(bytes)
}
