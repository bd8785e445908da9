//! Getting through to a host, or not.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use qlik::{
    Error, ErrorKind, HostPolicy, Qlik, QlikConfig, Resolve, SystemClock, SystemEntropy, TenantHost, TlsFault,
};
use rcgen::CertificateParams;
use sandbox::{Effect, Fault};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::scene::Scene;

fn client(config: QlikConfig) -> Qlik {
    Qlik::new(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).unwrap()
}

fn acme() -> TenantHost {
    "acme.eu.qlikcloud.com".parse().unwrap()
}

async fn failed_probe(config: QlikConfig, host: &TenantHost) -> Error {
    let error = client(config).anonymous(host).probe().await.unwrap_err();
    assert!(!error.may_have_happened(), "{error}");
    error
}

async fn probe(config: QlikConfig, host: &TenantHost) -> ErrorKind {
    failed_probe(config, host).await.kind()
}

/// What is wrong with the certificate.
async fn tls_fault(config: QlikConfig) -> Option<TlsFault> {
    let error = failed_probe(config, &acme()).await;
    assert_eq!(error.kind(), ErrorKind::Tls);
    error.tls_fault()
}

#[tokio::test]
async fn a_tenant_is_recognised_without_credentials_and_tells_its_time() {
    let scene = Scene::new().await;
    scene.world.advance(SignedDuration::from_hours(1));
    let probe = scene.tenant(&scene.ada).probe().await.unwrap();
    assert_eq!(probe.server_date, Some(scene.world.now()));
    assert!(probe.elapsed > Duration::ZERO);
    assert_eq!(scene.world.log().pop().unwrap().auth, sandbox::AuthKind::None, "even if it has some");
}

#[tokio::test]
async fn a_probe_tells_how_far_the_clocks_are_apart() {
    let scene = Scene::new().await;
    for (skew, offset) in [(0, 0), (-600, 600), (600, -600)] {
        scene.world.set_date_skew(SignedDuration::from_secs(skew));
        let probe = scene.qlik.anonymous(&scene.host).probe().await.unwrap();
        assert_eq!(probe.clock_offset, Some(offset));
    }
}

#[tokio::test]
async fn a_date_that_a_cache_kept_or_that_is_missing_tells_no_offset() {
    for (head, has_date) in [("date: Sun, 01 Mar 2026 12:00:00 GMT\r\nage: 7\r\n", true), ("", false)] {
        let answer = format!("HTTP/1.1 401 Unauthorized\r\n{head}content-length: 0\r\n\r\n");
        let config = tls_server(certificate("acme.eu.qlikcloud.com"), answer).await;
        let probe = client(config).anonymous(&acme()).probe().await.unwrap();
        assert_eq!((probe.server_date.is_some(), probe.clock_offset), (has_date, None));
    }
}

#[tokio::test]
async fn an_unknown_tenant_is_told_apart_from_what_is_no_tenant() {
    let scene = Scene::new().await;
    let nobody = "nobody.eu.qlikcloud.com".parse().unwrap();
    let error = scene.qlik.anonymous(&nobody).probe().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::NoTenant, Some("LOGIN-2")));

    let tenant = scene.qlik.anonymous(&scene.host);
    let kind = async |status: u16, body: Option<&str>| {
        let body = body.map(str::to_owned);
        let effect = Effect::Status { status, code: "X-1".into(), title: "t".into(), body };
        scene.world.add_fault(Fault::new("/api/v1/tenants/me", effect).times(2));
        let outcome = tenant.probe().await.map(|_| ()).map_err(|e| e.kind());
        scene.world.clear_faults();
        outcome
    };
    assert_eq!(kind(401, Some("<h1>401 Authorization Required</h1>")).await, Ok(()));
    assert_eq!(kind(401, Some("")).await, Ok(()));
    assert_eq!(kind(401, Some(r#"{"message":"unauthorized"}"#)).await, Ok(()));
    assert_eq!(kind(401, Some("<h1>Who are you?</h1>")).await, Err(ErrorKind::NotQlik));
    assert_eq!(kind(200, Some("<html>Welcome</html>")).await, Err(ErrorKind::NotQlik));
    assert_eq!(kind(200, Some(r#"{"id":"t"}"#)).await, Ok(()));
    assert_eq!(kind(404, Some("nothing")).await, Err(ErrorKind::NotQlik));
    assert_eq!(kind(403, Some("no")).await, Err(ErrorKind::NotQlik));
    assert_eq!(kind(403, None).await, Err(ErrorKind::Forbidden));
    assert_eq!(kind(503, Some("sorry")).await, Err(ErrorKind::Unavailable));
}

#[tokio::test]
async fn a_probe_does_not_follow_redirects() {
    let scene = Scene::new().await;
    for (location, outcome) in
        [("/login", Ok(())), ("https://login.example/", Err(ErrorKind::RedirectLeavesTenant))]
    {
        let effect = Effect::Redirect { location: location.into() };
        scene.world.add_fault(Fault::new("/api/v1/tenants/me", effect).once());
        let probed = scene.qlik.anonymous(&scene.host).probe().await;
        assert_eq!(probed.map(|_| ()).map_err(|e| e.kind()), outcome);
    }
    assert_eq!(scene.world.log().len(), 2);
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let scene = Scene::new().await;
    let config = QlikConfig { ca_pem: None, ..Scene::config(&scene.sandbox) };
    assert_eq!(tls_fault(config).await, Some(TlsFault::UnknownIssuer));
    assert!(scene.world.log().is_empty());
}

fn certificate(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).unwrap()
}

/// A server with a certificate of its own that the client is told to trust. It
/// answers each request with `answer`, as it is.
async fn tls_server(certificate: CertificateParams, answer: impl Into<String>) -> QlikConfig {
    let answer = answer.into();
    let signing_key = rcgen::KeyPair::generate().unwrap();
    let cert = certificate.self_signed(&signing_key).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let server =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into())
            .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let resolve = Resolve::parse(&format!("*.qlikcloud.com={}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            if let Ok(mut tls) = acceptor.accept(tcp).await {
                let mut head = [0; 4096];
                if tls.read(&mut head).await.is_ok() {
                    tls.write_all(answer.as_bytes()).await.unwrap();
                    tls.shutdown().await.unwrap();
                }
            }
        }
    });
    QlikConfig { resolve, ca_pem: Some(cert.pem().into_bytes()), ..QlikConfig::default() }
}

const NOBODY: &str = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 23\r\n\r\n{\"errors\":[{\"code\":1}]}";

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let right = tls_server(certificate("acme.eu.qlikcloud.com"), NOBODY).await;
    client(right).anonymous(&acme()).probe().await.unwrap();
    let wrong = tls_server(certificate("globex.eu.qlikcloud.com"), NOBODY).await;
    assert_eq!(tls_fault(wrong).await, Some(TlsFault::WrongName));
}

#[tokio::test]
async fn a_certificate_out_of_its_time_is_refused() {
    for (from, to, fault) in [(2020, 2021, TlsFault::Expired), (3000, 3001, TlsFault::NotYetValid)] {
        let mut certificate = certificate("acme.eu.qlikcloud.com");
        certificate.not_before = rcgen::date_time_ymd(from, 1, 1);
        certificate.not_after = rcgen::date_time_ymd(to, 1, 1);
        let config = tls_server(certificate, NOBODY).await;
        assert_eq!(tls_fault(config).await, Some(fault));
    }
}

#[tokio::test]
async fn what_is_no_http_at_all_is_a_lost_connection() {
    let config = tls_server(certificate("acme.eu.qlikcloud.com"), "220 mail.example ESMTP\r\n").await;
    let error = client(config).anonymous(&acme()).user_me().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
}

#[tokio::test]
async fn a_body_whose_length_is_not_announced_is_bounded_too() {
    let endless =
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"id\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}";
    let config =
        QlikConfig { max_body: 20, ..tls_server(certificate("acme.eu.qlikcloud.com"), endless).await };
    let error = client(config).anonymous(&acme()).user_me().await.unwrap_err();
    assert_eq!((error.kind(), error.title()), (ErrorKind::BadBody, Some("the answer is too large")));
}

#[tokio::test]
async fn a_server_without_tls_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let serve = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let resolve = Resolve::parse(&format!("acme.eu.qlikcloud.com={addr}")).unwrap();
    let config = QlikConfig { resolve, ..QlikConfig::default() };
    assert_eq!(tls_fault(config).await, None, "there is no certificate that could be wrong");
    serve.await.unwrap();
}

#[tokio::test]
async fn a_closed_port_is_no_connection() {
    let addr = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let resolve = Resolve::parse(&format!("*.qlikcloud.com={addr}")).unwrap();
    assert_eq!(probe(QlikConfig { resolve, ..QlikConfig::default() }, &acme()).await, ErrorKind::Connect);
}

#[tokio::test]
async fn a_server_that_never_finishes_the_handshake_is_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let resolve = Resolve::parse(&format!("*.qlikcloud.com={}", listener.local_addr().unwrap())).unwrap();
    let config = QlikConfig { resolve, connect_timeout: Duration::from_millis(200), ..QlikConfig::default() };
    assert_eq!(probe(config, &acme()).await, ErrorKind::Connect);
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_told_apart() {
    // Reserved never to exist (RFC 6761); one rule keeps the proxy out.
    let policy = HostPolicy { extra: vec!["tenant.invalid".into()] };
    let host = TenantHost::parse("tenant.invalid", &policy).unwrap();
    let resolve = Resolve::parse("other.invalid=127.0.0.1:1").unwrap();
    let config = QlikConfig { resolve, connect_timeout: Duration::from_secs(30), ..QlikConfig::default() };
    assert_eq!(probe(config, &host).await, ErrorKind::Dns);
}

#[tokio::test]
async fn a_body_past_the_limit_is_not_read() {
    let scene = Scene::with(|config| config.max_body = 200).await;
    let error = scene.tenant(&scene.ada).user_me().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadBody);
}

#[test]
fn a_certificate_authority_that_is_none_is_a_configuration_error() {
    for bad in [&b"hello"[..], b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let config = QlikConfig { ca_pem: Some(bad.to_vec()), ..QlikConfig::default() };
        assert!(Qlik::new(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).is_err(), "{bad:?}");
    }
}

#[tokio::test]
async fn qliks_own_rate_limit_holds_the_caller_back_until_its_time_is_over() {
    let scene = Scene::new().await;
    scene.world.set_rate_limits(true, 2, 100);
    let tenant = scene.tenant(&scene.ada);
    let ask = || tenant.api_key_config(&scene.acme.id);
    let mut asked = 0;
    let error = loop {
        asked += 1;
        match ask().await {
            Ok(_) => assert!(asked < 50, "never limited"),
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), error.code()), (ErrorKind::RateLimited, Some("HTTP-429")));
    let wait = error.retry_after().unwrap();
    let held = ask().await.unwrap_err();
    assert_eq!((held.kind(), held.status()), (ErrorKind::RateLimited, None));
    assert_eq!(scene.world.log().len(), asked, "nothing was sent while held");
    scene.world.advance(SignedDuration::try_from(wait).unwrap());
    ask().await.unwrap();
}
