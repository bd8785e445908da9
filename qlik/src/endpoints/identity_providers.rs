//! Identity providers: <https://qlik.dev/manage/automate/identity-provider-create/>.
//!
//! For tenant administrators. A JWT provider takes one key and none of its
//! settings but the description can change, so another key is another provider.

use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::client::Tenant;
use crate::error::Error;
use crate::lenient;
use crate::paging::{PAGE, bad_request, segment};
use crate::transport::Request;

const LIST: &str = "GET /api/v1/identity-providers";
const CREATE: &str = "POST /api/v1/identity-providers";
const READ: &str = "GET /api/v1/identity-providers/{id}";
const DELETE: &str = "DELETE /api/v1/identity-providers/{id}";
const PATH: &str = "/api/v1/identity-providers";

/// An identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "RawProvider")]
pub struct IdentityProvider {
    /// Its id.
    pub id: String,
    /// `jwtAuth` for one that takes signed tokens.
    pub protocol: String,
    /// Such as `external`.
    pub provider: String,
    /// Whether it is in use, where Qlik says so.
    pub active: Option<bool>,
    /// Its description.
    pub description: String,
    /// The issuer that its tokens must name.
    pub issuer: Option<String>,
    /// The keys that its tokens may be signed with.
    pub keys: Vec<StaticKey>,
    /// How far clocks may differ, in seconds.
    pub clock_tolerance_sec: Option<u32>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it was last changed.
    pub last_updated: Option<Timestamp>,
}

/// A key of a JWT identity provider; the public half.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StaticKey {
    /// The key id that tokens must name.
    #[serde(default)]
    pub kid: String,
    /// The certificate.
    #[serde(default)]
    pub pem: String,
}

impl IdentityProvider {
    /// Whether tokens of this issuer and key id are checked by it, which is what
    /// Qlik goes by (<https://qlik.dev/apis/rest/login>).
    pub fn checks(&self, issuer: &str, kid: &str) -> bool {
        self.issuer.as_deref() == Some(issuer) && self.keys.iter().any(|k| k.kid == kid)
    }

    /// Whether one of its keys shows another certificate than this one. Qlik may
    /// keep it on one line, and need not show it.
    pub fn shows_another_certificate(&self, pem: &str) -> bool {
        let squeeze = |pem: &str| pem.replace("\\n", "").split_whitespace().collect::<String>();
        let wanted = squeeze(pem);
        self.keys.iter().all(|k| !k.pem.is_empty() && squeeze(&k.pem) != wanted)
    }
}

/// A JWT identity provider to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJwtIdp {
    /// A name for administrators.
    pub description: String,
    /// The tenant; Qlik's default is the one that is called.
    pub tenant_id: Option<String>,
    /// What tokens say in `iss`.
    pub issuer: String,
    /// What tokens say in their header's `kid`.
    pub kid: String,
    /// The X.509 certificate as PEM.
    pub certificate_pem: String,
    /// How far clocks may differ, in seconds; Qlik's example has 5.
    pub clock_tolerance_sec: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawProvider {
    id: String,
    #[serde(default)]
    protocol: String,
    #[serde(default)]
    provider: String,
    #[serde(default, deserialize_with = "lenient::flag")]
    active: Option<bool>,
    #[serde(default)]
    description: String,
    #[serde(default, deserialize_with = "lenient::count")]
    clock_tolerance_sec: Option<u32>,
    #[serde(default, deserialize_with = "lenient::timestamp")]
    created: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient::timestamp")]
    last_updated: Option<Timestamp>,
    #[serde(default)]
    options: Options,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    #[serde(deserialize_with = "lenient::text")]
    issuer: Option<String>,
    #[serde(deserialize_with = "lenient::list")]
    static_keys: Vec<StaticKey>,
}

impl From<RawProvider> for IdentityProvider {
    fn from(raw: RawProvider) -> Self {
        Self {
            id: raw.id,
            protocol: raw.protocol,
            provider: raw.provider,
            active: raw.active,
            description: raw.description,
            issuer: raw.options.issuer,
            keys: raw.options.static_keys,
            clock_tolerance_sec: raw.clock_tolerance_sec,
            created: raw.created,
            last_updated: raw.last_updated,
        }
    }
}

/// As in Qlik's published example, extras included: `active`, `interactive` and
/// `jwtLoginEnabled` are not in the reference, but in every working request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateBody<'a> {
    protocol: &'static str,
    provider: &'static str,
    active: bool,
    interactive: bool,
    description: &'a str,
    clock_tolerance_sec: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_ids: Option<[&'a str; 1]>,
    options: CreateOptions<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateOptions<'a> {
    jwt_login_enabled: bool,
    issuer: &'a str,
    static_keys: [CreateKey<'a>; 1],
}

#[derive(Serialize)]
struct CreateKey<'a> {
    kid: &'a str,
    pem: String,
}

impl Tenant {
    /// All identity providers, in up to 50 pages of 100.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Forbidden`](crate::ErrorKind::Forbidden) for users who are
    /// no tenant administrators, and what every call can give.
    pub async fn identity_providers(&self) -> Result<Vec<IdentityProvider>, Error> {
        self.all_pages(LIST, PATH, &vec![("limit", PAGE.to_string())]).await
    }

    /// One identity provider.
    ///
    /// # Errors
    ///
    /// As for [`Tenant::identity_providers`].
    pub async fn identity_provider(&self, id: &str) -> Result<IdentityProvider, Error> {
        let path = format!("{PATH}/{}", segment(READ, id)?);
        self.call(Request::get(READ, path)).await?.json()
    }

    /// Makes a JWT identity provider.
    ///
    /// # Errors
    ///
    /// As for [`Tenant::identity_providers`].
    pub async fn create_jwt_identity_provider(&self, new: &NewJwtIdp) -> Result<IdentityProvider, Error> {
        if [&new.issuer, &new.kid, &new.certificate_pem].iter().any(|text| text.trim().is_empty()) {
            return Err(bad_request(CREATE, "issuer, key id and certificate are all needed"));
        }
        let body = CreateBody {
            protocol: "jwtAuth",
            provider: "external",
            active: true,
            interactive: false,
            description: &new.description,
            clock_tolerance_sec: new.clock_tolerance_sec,
            tenant_ids: new.tenant_id.as_deref().map(|id| [id]),
            options: CreateOptions {
                jwt_login_enabled: true,
                issuer: &new.issuer,
                static_keys: [CreateKey { kid: &new.kid, pem: one_line(&new.certificate_pem) }],
            },
        };
        self.call(Request::change(CREATE, Method::POST, PATH).json(&body)?).await?.json()
    }

    /// Deletes an identity provider.
    ///
    /// # Errors
    ///
    /// As for [`Tenant::identity_providers`].
    pub async fn delete_identity_provider(&self, id: &str) -> Result<(), Error> {
        let path = format!("{PATH}/{}", segment(DELETE, id)?);
        self.call(Request::change(DELETE, Method::DELETE, path)).await?.success()?;
        Ok(())
    }
}

/// The documentation wants the PEM text without line breaks.
fn one_line(pem: &str) -> String {
    pem.lines().map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_sent_on_one_line_with_its_marks_whole() {
        let pem = "-----BEGIN CERTIFICATE-----\r\nMIIB\r\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(one_line(pem), "-----BEGIN CERTIFICATE-----MIIBAAAA-----END CERTIFICATE-----");
    }

    #[test]
    fn providers_of_every_protocol_are_read() {
        let read = |json: &str| serde_json::from_str::<IdentityProvider>(json).unwrap();
        let oidc = read(r#"{"id":"1","protocol":"OIDC","options":{"realm":"x","discoveryUrl":"y"}}"#);
        assert_eq!((oidc.issuer, oidc.keys.len()), (None, 0));
        let jwt = read(
            r#"{"id":"2","protocol":"jwtAuth","active":true,"options":{"issuer":"i","staticKeys":[{"kid":"k","pem":"p"}]}}"#,
        );
        assert_eq!(jwt.issuer.as_deref(), Some("i"));
        assert_eq!(jwt.keys, [StaticKey { kid: "k".into(), pem: "p".into() }]);
    }
}
