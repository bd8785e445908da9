use std::collections::{HashMap, HashSet};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;
use x509_parser::pem::parse_x509_pem;

use super::*;
use crate::env::SystemEntropy;

#[derive(Debug)]
struct At(&'static str);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0.parse().unwrap()
    }
}

const NOW: At = At("2026-03-01T12:00:00Z");

fn identity() -> (SigningIdentity, Certificate) {
    SigningIdentity::generate("https://portal.example/acme", "Portal acme", &NOW, &SystemEntropy).unwrap()
}

fn ada() -> JwtSubject {
    JwtSubject {
        sub: "auth0|a08D".into(),
        name: "Ada".into(),
        email: "ada@acme.example".into(),
        groups: Vec::new(),
    }
}

/// What Qlik does: finds the key in the certificate and checks the signature.
fn verify(token: &LoginToken, certificate: &Certificate) -> HashMap<String, Value> {
    let (_, pem) = parse_x509_pem(certificate.pem.as_bytes()).unwrap();
    let x509 = pem.parse_x509().unwrap();
    let key = DecodingKey::from_rsa_der(&x509.public_key().subject_public_key.data);
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[AUDIENCE]);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    jsonwebtoken::decode(token.expose(), &key, &validation).unwrap().claims
}

#[test]
fn a_token_has_exactly_the_claims_that_qlik_documents() {
    let (identity, certificate) = identity();
    let token = identity.sign(&ada(), NOW.now(), &SystemEntropy).unwrap();
    let header = jsonwebtoken::decode_header(token.expose()).unwrap();
    assert_eq!((header.alg, header.typ.as_deref()), (Algorithm::RS256, Some("JWT")));
    assert_eq!(header.kid.as_deref(), Some(identity.kid()));

    let mut claims = verify(&token, &certificate);
    let id = claims.remove("jti").unwrap();
    assert_eq!(URL_SAFE_NO_PAD.decode(id.as_str().unwrap()).unwrap().len(), 32);
    let now = NOW.now().as_second();
    let expected = serde_json::json!({
        "iss": "https://portal.example/acme",
        "aud": "qlik.api/login/jwt-session",
        "sub": "auth0|a08D",
        "subType": "user",
        "name": "Ada",
        "email": "ada@acme.example",
        "email_verified": true,
        "iat": now,
        "nbf": now - 30,
        "exp": now + 60,
    });
    assert_eq!(serde_json::to_value(claims).unwrap(), expected);
}

#[test]
fn groups_are_sent_only_where_there_are_some() {
    let (identity, certificate) = identity();
    let subject = JwtSubject { groups: vec!["Sales".into(), "EMEA".into()], ..ada() };
    let token = identity.sign(&subject, NOW.now(), &SystemEntropy).unwrap();
    assert_eq!(verify(&token, &certificate)["groups"], serde_json::json!(["Sales", "EMEA"]));
}

#[test]
fn no_two_tokens_share_an_id() {
    let (identity, certificate) = identity();
    let ids: HashSet<_> = (0..5)
        .map(|_| identity.sign(&ada(), NOW.now(), &SystemEntropy).unwrap())
        .map(|token| verify(&token, &certificate)["jti"].to_string())
        .collect();
    assert_eq!(ids.len(), 5);
}

#[test]
fn the_certificate_is_self_signed_for_five_years_from_the_given_clock() {
    let (_, certificate) = identity();
    let (_, pem) = parse_x509_pem(certificate.pem.as_bytes()).unwrap();
    let x509 = pem.parse_x509().unwrap();
    assert_eq!(x509.subject().iter_common_name().next().unwrap().as_str().unwrap(), "Portal acme");
    assert_eq!(x509.subject(), x509.issuer());
    let validity = x509.validity();
    assert_eq!(validity.not_before.timestamp(), NOW.now().as_second() - 86_400);
    assert_eq!(validity.not_after.timestamp(), NOW.now().as_second() + 5 * 365 * 86_400);
    assert_eq!(certificate.not_after.as_second(), validity.not_after.timestamp());
    x509.verify_signature(None).unwrap();
}

#[test]
fn a_key_that_was_kept_signs_as_before() {
    let (identity, certificate) = identity();
    let kept = identity.private_key_pem();
    let again = SigningIdentity::from_pem(identity.issuer(), identity.kid(), &kept).unwrap();
    let claims = verify(&again.sign(&ada(), NOW.now(), &SystemEntropy).unwrap(), &certificate);
    assert_eq!(claims["iss"], identity.issuer());
    assert_eq!(again.private_key_pem().expose(), kept.expose());
}

#[test]
fn what_is_no_rsa_key_is_refused_without_being_quoted() {
    let ec = KeyPair::generate().unwrap().serialize_pem();
    let cut: String = identity().0.private_key_pem().expose().lines().take(5).collect::<Vec<_>>().join("\n");
    for bad in ["", "hunter2", &identity().1.pem, &ec, &cut] {
        let error = SigningIdentity::from_pem("i", "k", &SigningKeyPem::new(bad)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Signing);
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}

#[test]
fn a_user_without_what_qlik_requires_gets_no_token() {
    let (identity, _) = identity();
    for subject in [
        JwtSubject { sub: String::new(), ..ada() },
        JwtSubject { name: " ".into(), ..ada() },
        JwtSubject { email: String::new(), ..ada() },
    ] {
        let error = identity.sign(&subject, NOW.now(), &SystemEntropy).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Signing);
    }
}

#[test]
fn debug_shows_no_private_key() {
    let (identity, _) = identity();
    let shown = format!("{identity:?}");
    assert!(shown.contains(identity.kid()));
    let secret = identity.private_key_pem();
    let line = secret.expose().lines().nth(1).unwrap();
    assert!(!shown.contains(line));
    assert!(!shown.contains("PRIVATE KEY"));
}
