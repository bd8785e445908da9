//! A notice as a signed webhook, by the Standard Webhooks convention
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>):
//! `webhook-id` is the same at each try, and `webhook-signature` is an
//! HMAC-SHA256 over id, timestamp and body. Knows nothing of the outbox but the
//! row it is given.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use url::Url;

use super::{NoticesConfig, Undelivered, outbox::Claimed, reach, trust::distrusted};

/// Posts the notice. `key` signs it; `now` is unix seconds.
pub(super) async fn send(
    url: &Url,
    key: &[u8],
    notice: &Claimed,
    now: i64,
    config: &NoticesConfig,
) -> Result<(), Undelivered> {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err(Undelivered::new("The webhook’s address has no host. Enter it anew."));
    };
    let named = reach::is_named(host, &config.hosts);
    if url.scheme() != "https" && !(reach::is_loopback(host) && named) {
        return Err(Undelivered::new("The webhook’s address is not https. Enter it anew."));
    }
    let (first, mut addresses) = reach::addresses(host, port, &config.hosts).await?;
    addresses.insert(0, first);
    let client = client(host, &addresses, config)
        .map_err(|_| Undelivered::new("The client for webhooks can’t be made on this server."))?;
    let id = format!("msg_{}", notice.id);
    let answer = client
        .post(url.clone())
        .header("content-type", "application/json")
        .header("webhook-id", &id)
        .header("webhook-timestamp", now)
        .header("webhook-signature", sign(key, &id, now, &notice.payload))
        .body(notice.payload.clone())
        .send()
        .await;
    // The body of the answer is not read: it is not ours to keep.
    match answer.map(|a| a.status()) {
        Ok(status) if status.is_success() => Ok(()),
        Ok(status) if status.is_redirection() => Err(Undelivered::new(format!(
            "{host} points to another address ({}), and notices are not sent there. Enter that address.",
            status.as_u16()
        ))),
        Ok(status) => Err(Undelivered::new(format!("{host} answers with {}.", status.as_u16()))),
        Err(e) if e.is_timeout() => Err(Undelivered::new(format!("{host} did not answer in time."))),
        Err(e) if e.is_connect() => Err(distrusted(&e, host)
            .unwrap_or_else(|| Undelivered::new(format!("{host} can’t be reached, or not over TLS.")))),
        Err(_) => Err(Undelivered::new(format!("The connection to {host} broke before the answer came."))),
    }
}

/// A client for this delivery alone, bound to the addresses that were checked:
/// nothing is shared between portals, and no second answer of the name server
/// can lead it elsewhere. For the same reason no proxy is used.
#[expect(clippy::disallowed_methods, reason = "not a call to Qlik: another client with other rules")]
fn client(
    host: &str,
    addresses: &[std::net::SocketAddr],
    config: &NoticesConfig,
) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .user_agent(concat!("qonduit/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .resolve_to_addrs(host, addresses)
        .pool_max_idle_per_host(0)
        .timeout(config.timeout)
        .tls_certs_merge(config.authorities.to_web())
        .build()
}

/// `v1,` and the signature in base64.
fn sign(key: &[u8], id: &str, timestamp: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let tag = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the convention's own libraries.
    #[test]
    fn a_signature_is_the_one_that_other_libraries_make() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
