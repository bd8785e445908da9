//! Clients that sign an assertion at `/oauth/token` instead of sending a secret.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::StatusCode;
use sandbox::NewClient;
use serde_json::{Value, json};

use crate::oauth_tokens::{IMPERSONATION, token};
use crate::support::{HOST, acme, noon, send};

/// A JWK with its private key.
fn key_pair() -> (Value, EncodingKey) {
    use base64::Engine as _;
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    // An uncompressed point: 4, then x and y of 48 bytes each.
    let point = key.public_key_raw();
    let part = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let jwk = json!({"kty": "EC", "crv": "P-384", "alg": "ES384", "use": "sig", "kid": "k1",
        "x": part(&point[1..49]), "y": part(&point[49..97])});
    (jwk, EncodingKey::from_ec_pem(key.serialize_pem().as_bytes()).unwrap())
}

#[tokio::test]
async fn a_client_may_sign_an_assertion_instead_of_sending_a_secret() {
    let acme = acme().await;
    let (jwk, key) = key_pair();
    let new = NewClient {
        auth_methods: vec!["private_key_jwt".into()],
        public_keys: vec![jwk],
        ..NewClient::impersonator("robot")
    };
    let client = acme.world.add_oauth_client(&acme.tenant, new);
    assert!(client.client_secret.is_none());
    let now = noon().as_second();
    let good = json!({"iss": client.client_id, "sub": client.client_id, "jti": "j0", "iat": now, "exp": now + 300,
        "aud": format!("https://{HOST}/oauth/token")});
    let ask = |claims: &Value, kid: &str, key: &EncodingKey| {
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::ES384) };
        let assertion = jsonwebtoken::encode(&header, claims, key).unwrap();
        let body = json!({"grant_type": IMPERSONATION, "client_assertion": assertion,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "user_lookup": {"field": "userId", "value": acme.ada.id}});
        send(token(&acme, &body))
    };
    let (first, body) = ask(&good, "k1", &key).await;
    assert_eq!(first, StatusCode::OK, "{body}");
    assert_eq!(ask(&good, "k1", &key).await.0, StatusCode::UNAUTHORIZED, "jti is good once");
    for (n, (name, value)) in [
        ("aud", json!(format!("https://{HOST}/oauth/token/"))),
        ("aud", json!([format!("https://{HOST}/oauth/token")])),
        ("aud", json!("https://globex.us.qlikcloud.com/oauth/token")),
        ("sub", json!("another")),
        ("iss", json!("another")),
        ("exp", json!(now + 301)),
        ("exp", json!(now)),
        ("iat", json!(now + 1)),
        ("jti", Value::Null),
    ]
    .into_iter()
    .enumerate()
    {
        let mut claims = good.clone();
        claims["jti"] = json!(format!("k{n}"));
        claims[name] = value.clone();
        assert_eq!(ask(&claims, "k1", &key).await.0, StatusCode::UNAUTHORIZED, "{name} = {value}");
    }
    let mut fresh = good.clone();
    fresh["jti"] = json!("j1");
    assert_eq!(ask(&fresh, "k2", &key).await.0, StatusCode::UNAUTHORIZED, "another kid");
    assert_eq!(ask(&fresh, "k1", &key_pair().1).await.0, StatusCode::UNAUTHORIZED, "another key");
    assert_eq!(ask(&fresh, "k1", &key).await.0, StatusCode::OK, "j1 is still unspent");
}
