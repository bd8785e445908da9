//! The check of an OAuth client's redirect URL: where a browser with nobody in it would
//! be led that is sent to connect.

use qlik::{
    error::ErrorKind,
    oauth::{Authorize, Pkce, Probed},
};

use super::{
    oauth::Own,
    report::Note,
    subject::{Known, Subject},
    table::Made,
};
use crate::{
    Error,
    oauth::{CONNECT_SCOPE, redirect_uri},
    words::{self, Sent},
};

impl Subject<'_> {
    /// Where a browser would be led that is sent to connect; asked once.
    pub(super) async fn try_the_way(&self, known: &mut Known) -> Result<(), Error> {
        if known.asked.way.is_none() {
            let pkce = Pkce::generate(self.services.entropy());
            let probed = self
                .qlik()
                .probe_authorize(&Authorize {
                    host: self.host,
                    client_id: &self.named()?.id,
                    redirect_uri: &redirect_uri(&self.portal.origin),
                    scope: CONNECT_SCOPE,
                    state: &self.services.new_id(),
                    pkce: Some(&pkce),
                    login_hint: None,
                    prompt: None,
                })
                .await;
            known.asked.way = Some(probed);
        }
        Ok(())
    }

    pub(super) async fn oauth_redirect(&self, known: &mut Known) -> Made {
        self.try_the_way(known).await?;
        let back = redirect_uri(&self.portal.origin);
        let refused = match &known.asked.way {
            Some(Ok(Probed::ComesBack | Probed::SignsIn)) => {
                return Ok(Note::passed("Qlik takes this portal’s redirect URL."));
            }
            Some(Ok(Probed::ComesBackWith(error))) => return Ok(said_of_return(error)),
            Some(Ok(Probed::Refused(e))) => e,
            Some(Err(e)) if e.kind() != ErrorKind::RateLimited => {
                let said = words::of_sent(e, self.host.as_str(), Sent::Client);
                return Ok(Note::not_checked(format!("Not checked. {}", said.says)).codes(e).open());
            }
            Some(Err(_)) => return Ok(self.held(known)),
            _ => {
                let says = "Not checked; Qlik’s answer does not show it. The first user who connects does.";
                return Ok(Note::not_checked(says).open());
            }
        };
        let note = if matches!(known.asked.client, Some(Ok(Own::Open(_)))) {
            Note::failed(
                "Qlik does not know this client id, or the client does not list this portal’s redirect URL.",
                format!(
                    "Compare the id with the client under Administration > OAuth in Qlik, and add the redirect URL \
                     {back} there, the same to the letter."
                ),
            )
        } else {
            Note::failed(
                "The OAuth client does not list this portal’s redirect URL, so nobody comes back from Qlik.",
                format!(
                    "Add {back} to the redirect URLs of the client under Administration > OAuth in Qlik, the same to \
                     the letter."
                ),
            )
        };
        Ok(note.codes(refused))
    }

    /// Being held back is no fault of the redirect URL.
    fn held(&self, known: &mut Known) -> Note {
        match known.asked.way.take() {
            Some(Err(e)) => self.failed_with(known, &e, Sent::Client).open(),
            _ => Note::not_checked("Not checked.").open(),
        }
    }
}

/// The errors of <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1>.
fn said_of_return(error: &str) -> Note {
    match error {
        "invalid_scope" => Note::failed(
            "The OAuth client may not ask for the scopes that connecting needs.",
            "Select user_default and offline_access under the scopes of the client in Qlik.",
        ),
        "unauthorized_client" | "unsupported_response_type" => Note::failed(
            "The OAuth client may not let users connect.",
            "Create a client of type Web in Qlik; the kind of a client can’t be changed later.",
        ),
        "access_denied" => Note::failed(
            "Qlik lets nobody connect through this OAuth client.",
            "A Tenant Admin looks at the client under Administration > OAuth in Qlik.",
        ),
        _ => Note::not_checked(
            "Not checked; Qlik’s answer does not show it. The first user who connects does.",
        )
        .open(),
    }
}
