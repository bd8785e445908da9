//! Which client asks at the token endpoint: by secret, or by an assertion that its
//! key signed (<https://qlik.dev/authenticate/oauth/create/create-oauth-client-private-key-jwt/>).

use http::StatusCode;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use super::{bad_request, refuse};
use crate::envelope::{Answer, Refusal};
use crate::routes::Site;
use crate::world::State;
use crate::world::oauth::Client;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// "exp: at most 5 minutes after iat".
const MAX_ASSERTION_S: i64 = 300;

/// What a request shows of its client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) secret: Option<&'a str>,
    pub(super) assertion: Option<&'a str>,
    pub(super) assertion_type: Option<&'a str>,
}

pub(super) fn invalid(why: &str) -> Refusal {
    refuse(StatusCode::UNAUTHORIZED, "invalid_client", why)
}

/// The client, if it is the one it says. Public clients have nothing to show; a
/// secret that is shown nevertheless must be right.
pub(super) fn identify(state: &mut State, site: &Site, shown: Shown<'_>, must_prove: bool) -> Answer<Client> {
    if let Some(assertion) = shown.assertion {
        if shown.secret.is_some() {
            return Err(bad_request(
                "invalid_request",
                "client_secret and client_assertion exclude each other",
            ));
        }
        if shown.assertion_type != Some(ASSERTION_TYPE) {
            return Err(bad_request("invalid_request", "client_assertion_type is missing or unknown"));
        }
        return by_assertion(state, site, shown.id, assertion).map_err(invalid);
    }
    let id = shown.id.ok_or_else(|| bad_request("invalid_request", "client_id is required"))?;
    let client = state.client_of(&site.tenant, id).cloned().ok_or_else(|| invalid("client_id is unknown"))?;
    match shown.secret {
        Some(secret) => {
            let takes = client.auth_methods.iter().any(|m| m == "client_secret");
            if !takes || !client.secrets.iter().any(|s| s.value == secret) {
                return Err(invalid("client_secret is wrong"));
            }
        }
        None if must_prove || client.is_confidential() => {
            return Err(invalid("client_secret or client_assertion is required"));
        }
        None => {}
    }
    Ok(client)
}

fn by_assertion(
    state: &mut State,
    site: &Site,
    id: Option<&str>,
    assertion: &str,
) -> Result<Client, &'static str> {
    let header = jsonwebtoken::decode_header(assertion).map_err(|_| "client_assertion is no JWT")?;
    let kid = header.kid.as_deref().ok_or("client_assertion has no kid")?;
    let unverified: Value = jsonwebtoken::dangerous::insecure_decode_claims(assertion)
        .map_err(|_| "client_assertion is no JWT")?;
    let issuer = unverified["iss"].as_str().ok_or("iss is missing")?;
    if id.is_some_and(|id| id != issuer) {
        return Err("iss is not client_id");
    }
    let client = state.client_of(&site.tenant, issuer).cloned().ok_or("iss is no client")?;
    if !client.auth_methods.iter().any(|m| m == "private_key_jwt") {
        return Err("private_key_jwt is not allowed to this client");
    }
    let key =
        client.public_keys.iter().find(|k| k["kid"] == kid).ok_or("kid is none of the client's keys")?;
    // Qlik takes RS256, RS512 and ES384; the last two stand for themselves.
    let alg = match key["alg"].as_str() {
        Some("RS256") => Algorithm::RS256,
        Some("RS512") => Algorithm::RS512,
        Some("ES384") => Algorithm::ES384,
        _ => return Err("the key's alg is not supported"),
    };
    if header.alg != alg {
        return Err("alg is not that of the key");
    }
    let jwk: Jwk = serde_json::from_value(key.clone()).map_err(|_| "the client's key is unusable")?;
    let key = DecodingKey::from_jwk(&jwk).map_err(|_| "the client's key is unusable")?;
    let mut rules = Validation::new(alg);
    rules.required_spec_claims.clear();
    rules.validate_exp = false;
    rules.validate_aud = false;
    let claims: Value =
        jsonwebtoken::decode(assertion, &key, &rules).map_err(|_| "the signature does not fit")?.claims;
    let now = state.now().as_second();
    let (iat, exp) =
        (claims["iat"].as_i64().ok_or("iat is missing")?, claims["exp"].as_i64().ok_or("exp is missing")?);
    let jti = claims["jti"].as_str().filter(|jti| !jti.is_empty()).ok_or("jti is missing")?;
    if claims["sub"].as_str() != Some(issuer) {
        return Err("sub is not iss");
    }
    // A string, exactly this one, without a slash at its end.
    if claims["aud"].as_str() != Some(&site.url("/oauth/token")) {
        return Err("aud is not the token endpoint");
    }
    if exp <= now || iat > now || exp - iat > MAX_ASSERTION_S {
        return Err("iat and exp are not around now, or too far apart");
    }
    if !state.oauth.used_jtis.insert((client.id.clone(), jti.to_owned())) {
        return Err("jti has been used before");
    }
    Ok(client)
}
