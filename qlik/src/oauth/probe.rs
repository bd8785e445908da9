//! What becomes of a browser that is sent to [`authorize_url`](super::authorize_url),
//! without one: `GET /oauth/authorize` (<https://qlik.dev/apis/rest/oauth>).
//!
//! Qlik documents 400 where it does not know the client or the redirect address, and a
//! way back to the redirect address with an error of
//! <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1> for all else. This module
//! must not know what its caller makes of it.

use http::header;
use url::Url;

use super::Prompt;
use super::authorize::{Authorize, path};
use crate::client::Qlik;
use crate::error::Error;
use crate::transport::{Follow, Request};

const AUTHORIZE: &str = "GET /oauth/authorize";

/// What becomes of a browser in which nobody is signed in.
#[derive(Debug)]
#[non_exhaustive]
pub enum Probed {
    /// It comes back to the redirect address, because somebody has to sign in, choose or
    /// agree first: client and redirect address are right.
    ComesBack,
    /// It comes back to the redirect address with this error of the standard, such as
    /// `invalid_scope`: client and redirect address are right, and something else is not.
    ComesBackWith(String),
    /// It is led to a login, so client and redirect address were not refused before it.
    SignsIn,
    /// It stays at Qlik with a refusal, which is documented for a client that is not
    /// known and for a redirect address that is not one of the client's.
    Refused(Error),
    /// Something else, that says nothing.
    Unclear,
}

impl Qlik {
    /// Asks what would become of a browser, with [`Prompt::None`] whatever `ask` says.
    /// Nobody is signed in, and no address that Qlik gives is called.
    ///
    /// # Errors
    ///
    /// What every call can give.
    pub async fn probe_authorize(&self, ask: &Authorize<'_>) -> Result<Probed, Error> {
        let ask = Authorize { prompt: Some(Prompt::None), ..*ask };
        let request = Request { follow: Follow::HandBack, ..Request::get(AUTHORIZE, path(&ask)) };
        let answer = self.anonymous(ask.host).call(request).await?;
        Ok(match answer.status.as_u16() {
            300..=399 => {
                let location = answer.headers.get(header::LOCATION).and_then(|v| v.to_str().ok());
                location.map_or(Probed::Unclear, |to| read(&ask, to))
            }
            // A gateway's page says nothing of the client.
            400 if answer.error().code().is_some() || answer.error().title().is_some() => {
                Probed::Refused(answer.error())
            }
            429 | 500..=599 => return Err(answer.error()),
            _ => Probed::Unclear,
        })
    }
}

/// What an address says to which Qlik sends the browser.
fn read(ask: &Authorize<'_>, location: &str) -> Probed {
    let base = Url::parse(&ask.host.url("/oauth/authorize"));
    let (Ok(back), Ok(to)) = (Url::parse(ask.redirect_uri), base.and_then(|base| base.join(location))) else {
        return Probed::Unclear;
    };
    if (back.origin(), back.path()) == (to.origin(), to.path()) {
        let of = |name: &str| to.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned());
        return match of("error") {
            // Without the text that was sent along it may be the answer to somebody else.
            Some(error) if of("state").as_deref() == Some(ask.state) => match error.as_str() {
                "login_required"
                | "interaction_required"
                | "consent_required"
                | "account_selection_required" => Probed::ComesBack,
                _ => Probed::ComesBackWith(error),
            },
            _ => Probed::Unclear,
        };
    }
    let at_tenant = to.host_str() == Some(ask.host.as_str());
    let is_login = if at_tenant {
        to.path() == "/login" || to.path().starts_with("/login/")
    } else {
        // An identity provider. What is at the portal's own origin is none.
        to.scheme() == "https" && to.origin() != back.origin()
    };
    if is_login { Probed::SignsIn } else { Probed::Unclear }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_browser_is_sent_tells_what_is_right_and_what_is_not() {
        let ask = Authorize {
            host: &"acme.eu.qlikcloud.com".parse().unwrap(),
            client_id: &"c1".parse().unwrap(),
            redirect_uri: "https://portal.example/cb?a=b",
            scope: "user_default",
            state: "s1",
            pkce: None,
            login_hint: None,
            prompt: None,
        };
        let back = "https://portal.example/cb?a=b";
        for (location, expected) in [
            (&*format!("{back}&error=login_required&state=s1"), "ComesBack"),
            (&*format!("{back}&state=s1&error=consent_required&error_code=x"), "ComesBack"),
            (&*format!("{back}&error=invalid_scope&state=s1"), "ComesBackWith(\"invalid_scope\")"),
            (&*format!("{back}&error=invalid_scope"), "Unclear"),
            (&*format!("{back}&error=login_required&state=other"), "Unclear"),
            (&*format!("{back}&code=c&state=s1"), "Unclear"),
            ("https://portal.example/other?error=login_required&state=s1", "Unclear"),
            ("http://portal.example/cb?error=login_required&state=s1", "Unclear"),
            ("/login?returnto=x", "SignsIn"),
            ("https://acme.eu.qlikcloud.com/login", "SignsIn"),
            ("https://acme.eu.qlikcloud.com/loginerror", "Unclear"),
            ("/error?code=OAUTH-1", "Unclear"),
            ("https://sso.corp.example/authorize?x", "SignsIn"),
            ("http://sso.corp.example/", "Unclear"),
            ("javascript:alert(1)", "Unclear"),
            ("https://", "Unclear"),
        ] {
            assert_eq!(format!("{:?}", read(&ask, location)), expected, "{location}");
        }
    }
}
