//! Asking for a websocket (<https://www.rfc-editor.org/rfc/rfc6455#section-4>).
//!
//! This module must not know what is said over it.

use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::OPEN;
use crate::answer::Answer;
use crate::credential::{CSRF, Credential, WEB_INTEGRATION, sensitive};
use crate::error::{Error, ErrorKind};
use crate::host::TenantHost;
use crate::links::Aliases;
use crate::paging::{bad_request, encode, segment};
use crate::transport::{Follow, Request, location};

/// What the answer must hold to be one to this request.
#[derive(Debug)]
pub(super) struct Wanted {
    accept: String,
}

/// The request, all but what every request of the credential has.
///
/// Qlik's client for Node sends CSRF token and web integration as headers, its
/// client for browsers in the query (<https://www.npmjs.com/package/@qlik/api>);
/// both are sent.
pub(super) fn request(
    credential: &Credential,
    host: &TenantHost,
    app_id: &str,
    origin: Option<&str>,
) -> Result<(Request, Wanted), Error> {
    let mut request = Request { follow: Follow::Stop, ..Request::get(OPEN, path(app_id)?) };
    // Not a secret: it shows that the answer was made for this request.
    let key = generate_key();
    let headers = &mut request.headers;
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(header::SEC_WEBSOCKET_KEY, value(&key, "this is not a key")?);
    if let Credential::Session { core, .. } = credential {
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, value(origin, "this is not an origin")?);
        }
        let (csrf, web_integration) = core.for_websocket(host);
        let csrf = csrf.as_ref().map(crate::secret::CsrfToken::expose);
        if let Some(csrf) = csrf {
            let value = sensitive(csrf).map_err(|_| bad_request(OPEN, "the CSRF token can't be sent"))?;
            headers.insert(CSRF, value);
        }
        let pairs = [(CSRF, csrf), (WEB_INTEGRATION, web_integration)];
        let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let query = encode(pairs);
        if !query.is_empty() {
            request.path = format!("{}?{query}", request.path);
        }
    }
    Ok((request, Wanted { accept: derive_accept_key(key.as_bytes()) }))
}

fn path(app_id: &str) -> Result<String, Error> {
    Ok(format!("/app/{}", segment(OPEN, app_id)?))
}

fn value(text: &str, complaint: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(text).map_err(|_| bad_request(OPEN, complaint))
}

impl Wanted {
    /// # Errors
    ///
    /// [`ErrorKind::NotQlik`] for an answer that was not made for this request, or
    /// that speaks of extensions nobody asked for.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Error> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_ours = text(header::UPGRADE).eq_ignore_ascii_case("websocket")
            && text(header::CONNECTION).split(',').any(|one| one.trim().eq_ignore_ascii_case("upgrade"))
            && text(header::SEC_WEBSOCKET_ACCEPT) == self.accept
            && !headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS)
            && !headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL);
        if is_ours {
            return Ok(());
        }
        Err(Error::new(ErrorKind::NotQlik, OPEN)
            .with_status(StatusCode::SWITCHING_PROTOCOLS)
            .with_title("the answer does not belong to the request for a websocket"))
    }
}

/// The error for an answer that opens no websocket. `used` is the name of the tenant
/// that gave it.
pub(super) fn refused(
    answer: &Answer,
    aliases: &Aliases,
    host: &TenantHost,
    used: &TenantHost,
    app_id: &str,
) -> Error {
    let error = answer.error();
    let redirect = location(answer).filter(|_| answer.status.is_redirection()).zip(path(app_id).ok());
    match redirect.map(|(to, path)| aliases.place(host, used, &path, to)) {
        Some(Err(elsewhere)) => {
            error.with_kind(ErrorKind::RedirectLeavesTenant).with_leads_to(Some(&elsewhere))
        }
        // A page, where a websocket or a refusal was due.
        _ if answer.status.is_success() => error.with_kind(ErrorKind::NotQlik),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn only_the_answer_to_this_request_opens_a_websocket() {
        // The pair of RFC 6455, section 1.3.
        let wanted = Wanted { accept: derive_accept_key(b"dGhlIHNhbXBsZSBub25jZQ==") };
        let good = [
            ("upgrade", "WebSocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ];
        wanted.check(&head(&good)).unwrap();
        for without in 0..good.len() {
            let mut pairs = good.to_vec();
            pairs.remove(without);
            assert_eq!(wanted.check(&head(&pairs)).unwrap_err().kind(), ErrorKind::NotQlik);
        }
        for more in [("sec-websocket-extensions", "permessage-deflate"), ("sec-websocket-protocol", "x")] {
            let pairs = [good.as_slice(), &[more]].concat();
            assert_eq!(wanted.check(&head(&pairs)).unwrap_err().kind(), ErrorKind::NotQlik);
        }
    }

    #[test]
    fn an_id_or_origin_that_can_not_be_sent_is_refused_before_anything_is() {
        let host = "acme.eu.qlikcloud.com".parse().unwrap();
        for bad in ["", ".."] {
            let error = request(&Credential::Anonymous, &host, bad, None).unwrap_err();
            assert_eq!((error.kind(), error.may_have_happened()), (ErrorKind::BadRequest, false));
        }
        let (sent, _) = request(&Credential::Anonymous, &host, "a/b?c", Some("https://o.example")).unwrap();
        assert_eq!(sent.path, "/app/a%2Fb%3Fc");
        assert!(!sent.headers.contains_key(header::ORIGIN), "only a browser's credential has an origin");
    }
}
