//! API-key tokens: JWTs that clients may read but not verify.
//!
//! The claims are those seen in the wild; there is no `exp`, the expiry is kept
//! at the server. The header is opaque, so the signature here is random bytes
//! and the sandbox compares whole tokens instead of checking it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::ids;

/// A token for the key `id` of user `sub` in `tenant`; with `iat` it tells when it was
/// made.
pub(crate) fn mint_api_key(id: &str, sub: &str, tenant: &str, iat: Option<i64>) -> String {
    let header = json!({ "alg": "ES384", "typ": "JWT", "kid": ids::uuid() });
    let mut claims = json!({
        "subType": "user",
        "tenantId": tenant,
        "jti": id,
        "aud": "qlik.api",
        "iss": "qlik.api/api-keys",
        "sub": sub,
    });
    if let Some(iat) = iat {
        claims["iat"] = iat.into();
    }
    format!(
        "{}.{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string()),
        URL_SAFE_NO_PAD.encode(ids::bytes::<96>()),
    )
}

/// The key id in a token, if the token has the shape of one.
pub(crate) fn api_key_id(token: &str) -> Option<String> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    claims["jti"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_carries_its_key_s_id_and_no_expiry() {
        let token = mint_api_key("id-1", "user-1", "tenant-1", None);
        assert_eq!(api_key_id(&token).as_deref(), Some("id-1"));
        let payload = token.split('.').nth(1).unwrap();
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        assert_eq!(claims["sub"], "user-1");
        assert_eq!((claims.get("exp"), claims.get("iat")), (None, None));
    }

    #[test]
    fn what_is_no_token_has_no_id() {
        for text in ["", "a.b", "a.b.c", "a.e30.c", "a.e30.c.d"] {
            assert_eq!(api_key_id(text), None, "{text}");
        }
    }
}
