//! Where a browser is sent to connect: `GET /oauth/authorize`
//! (<https://qlik.dev/apis/rest/oauth>).

use super::pkce::Pkce;
use super::tokens::OAuthClientId;
use crate::host::TenantHost;
use crate::paging::encode;

/// What Qlik should ask the person for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Prompt {
    /// Nothing: an error comes back where something would be asked.
    None,
    /// To sign in, even where they are signed in.
    Login,
    /// To consent, even where they have.
    Consent,
}

impl Prompt {
    fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Login => "login",
            Self::Consent => "consent",
        }
    }
}

/// What a person is asked to agree to, and where they come back.
#[derive(Debug, Clone, Copy)]
pub struct Authorize<'a> {
    /// The tenant.
    pub host: &'a TenantHost,
    /// The client.
    pub client_id: &'a OAuthClientId,
    /// One of the client's redirect addresses, to the letter.
    pub redirect_uri: &'a str,
    /// Scopes separated by spaces, such as `user_default offline_access`.
    pub scope: &'a str,
    /// A random text that comes back with the browser and must be compared there.
    pub state: &'a str,
    /// The proof; none for a client that keeps a secret and goes without.
    pub pkce: Option<&'a Pkce>,
    /// The e-mail address to fill into the login page.
    pub login_hint: Option<&'a str>,
    /// What to ask for; none leaves it to Qlik.
    pub prompt: Option<Prompt>,
}

/// The address to send a browser to. It holds no secret.
///
/// ```
/// use qlik::oauth::{Authorize, Pkce, authorize_url};
/// use qlik::{SystemEntropy, random_id};
///
/// let pkce = Pkce::generate(&SystemEntropy);
/// let url = authorize_url(&Authorize {
///     host: &"acme.eu.qlikcloud.com".parse()?,
///     client_id: &"b3ee66d6f21d1611efa89a425f656f6f".parse()?,
///     redirect_uri: "https://portal.example/qlik/callback",
///     scope: "user_default offline_access",
///     state: &random_id(&SystemEntropy),
///     pkce: Some(&pkce),
///     login_hint: None,
///     prompt: None,
/// });
/// assert!(url.starts_with("https://acme.eu.qlikcloud.com/oauth/authorize?response_type=code&"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn authorize_url(ask: &Authorize<'_>) -> String {
    ask.host.url(&path(ask))
}

/// The path and query of it.
pub(super) fn path(ask: &Authorize<'_>) -> String {
    let challenge = ask.pkce.map(Pkce::challenge);
    let pairs = [
        ("response_type", Some("code")),
        ("client_id", Some(ask.client_id.as_str())),
        ("redirect_uri", Some(ask.redirect_uri)),
        ("scope", Some(ask.scope)),
        ("state", Some(ask.state)),
        ("code_challenge", challenge.as_deref()),
        ("code_challenge_method", challenge.as_ref().map(|_| "S256")),
        ("login_hint", ask.login_hint),
        ("prompt", ask.prompt.map(Prompt::word)),
    ];
    let query = encode(pairs.into_iter().filter_map(|(name, value)| Some((name, value?))));
    format!("/oauth/authorize?{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_has_all_that_qlik_asks_for_encoded() {
        let url = authorize_url(&Authorize {
            host: &"acme.eu.qlikcloud.com".parse().unwrap(),
            client_id: &"c1".parse().unwrap(),
            redirect_uri: "https://portal.example/cb?a=b&c",
            scope: "user_default offline_access",
            state: "s t",
            pkce: Some(&Pkce::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")),
            login_hint: Some("ada+x@acme.example"),
            prompt: Some(Prompt::Consent),
        });
        assert_eq!(
            url,
            "https://acme.eu.qlikcloud.com/oauth/authorize?response_type=code&client_id=c1\
             &redirect_uri=https%3A%2F%2Fportal.example%2Fcb%3Fa%3Db%26c&scope=user_default%20offline_access\
             &state=s%20t&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256\
             &login_hint=ada%2Bx%40acme.example&prompt=consent"
        );
    }
}
