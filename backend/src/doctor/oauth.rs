//! The checks of the OAuth client itself: known, secret, and whether it lets users
//! connect.
//!
//! Where each user connects, nobody can be signed in for a check. But Qlik says
//! whether it knows a client and its secret before it looks at a code, so one that it
//! never gave is sent.

use std::sync::Arc;

use qlik::{
    OAuthError, OAuthErrorKind as K, TokenSet, User,
    error::{Error as QlikError, ErrorKind},
    oauth::{AccessToken, AuthorizationCode, CodeExchange, OAuthToken, Pkce, Probed},
};

use super::{
    report::{Note, Outcome},
    subject::{Known, Subject},
    table::Made,
};
use crate::{
    Error,
    connection::{AuthOption, Client},
    oauth::{ClientToken, redirect_uri},
    words::Sent,
};

/// What the client was asked for, and what it got.
#[derive(Default)]
pub(super) struct Asked {
    /// The client itself.
    pub(super) client: Option<Result<Own, OAuthError>>,
    /// What would become of a browser that is sent to connect.
    pub(super) way: Option<Result<Probed, QlikError>>,
    /// Who has the administrator's e-mail.
    pub(super) users: Option<Result<Vec<User>, QlikError>>,
    /// A token for one of them, or for the client's own user; whose it is.
    pub(super) user: Option<(Result<TokenSet, OAuthError>, String)>,
    /// Why it is not the administrator's.
    pub(super) instead: Option<String>,
    /// Tokens that were got for the checks alone.
    pub(super) given: Vec<Arc<AccessToken>>,
}

/// What the token endpoint shows of the client.
pub(super) enum Own {
    /// It gave the client a token.
    Token(Arc<ClientToken>),
    /// It took the client, and refused the invented code alone.
    Taken,
    /// What it refused, the invented code or the client, does not show.
    Open(OAuthError),
}

impl Asked {
    /// Why the client itself got nothing.
    pub(super) fn refusal(&self) -> Option<&OAuthError> {
        self.client.as_ref().and_then(|c| c.as_ref().err())
    }

    /// Whether what the client asked for was refused for this.
    pub(super) fn refused_for(&self, kind: K) -> Option<&OAuthError> {
        let user = self.user.as_ref().and_then(|(user, _)| user.as_ref().err());
        [self.refusal(), user].into_iter().flatten().find(|e| e.kind() == kind)
    }

    /// What was not refused is proven only by a token for a user.
    pub(super) fn or_unproven(&self, note: Note) -> Note {
        if note.outcome == Outcome::Failed || matches!(self.user, Some((Ok(_), _))) {
            return note;
        }
        Note::not_checked("Not checked; no token for a user could be had. The checks around say why.").open()
    }

    /// What an answer that leaves open what it refuses says nothing about.
    fn or_open(&self, note: Note) -> Note {
        match &self.client {
            Some(Ok(Own::Open(e))) if note.outcome != Outcome::Failed => {
                Note::not_checked("Not checked; Qlik’s answer to a made-up code does not show it.")
                    .codes(e.error())
                    .open()
            }
            _ => note,
        }
    }

    /// Whether the client is known, by the way of a browser.
    fn knows_by_the_way(&self) -> bool {
        matches!(self.way, Some(Ok(Probed::ComesBack | Probed::ComesBackWith(_) | Probed::SignsIn)))
    }
}

impl Subject<'_> {
    pub(super) fn named(&self) -> Result<&Client, Error> {
        self.client.as_ref().ok_or(Error::Internal("a check without what it needs"))
    }

    pub(super) async fn oauth_client(&self, known: &mut Known) -> Made {
        let got = if self.option == AuthOption::OauthEveryone {
            self.services.client_token(self.host, self.named()?).await.map(|token| {
                known.asked.given.push(token.token.clone());
                Own::Token(token)
            })
        } else {
            self.with_an_invented_code(known).await?
        };
        let refused = matches!(&got, Err(e) if e.kind() == K::ClientRefused);
        if refused || matches!(got, Ok(Own::Open(_))) {
            self.try_the_way(known).await?;
        }
        let is_known = known.asked.knows_by_the_way();
        let note = match &got {
            Err(e) if e.kind() == K::UnknownClient => self.unknown(e.error()),
            Err(e) if refused && !is_known => Note::failed(
                "Qlik refuses this client id or its secret, and does not say which.",
                "Compare the id with the client under Administration > OAuth in Qlik; if it is the same, create a new \
                 secret there and paste it here.",
            )
            .codes(e.error()),
            // What nobody can read is no yes.
            Err(e) if !refused && !is_told_below(e.kind()) => self.grant_refused(known, e),
            Ok(Own::Open(_)) if !is_known => known.asked_open(&got),
            _ => Note::passed(format!("{} knows the OAuth client.", self.host)),
        };
        known.asked.client = Some(got);
        Ok(note)
    }

    /// Asks for tokens with a code that Qlik never gave.
    async fn with_an_invented_code(&self, known: &mut Known) -> Result<Result<Own, OAuthError>, Error> {
        let code = AuthorizationCode::new(self.services.new_id());
        let pkce = Pkce::generate(self.services.entropy());
        let back = redirect_uri(&self.portal.origin);
        let exchange = CodeExchange { code: &code, redirect_uri: &back, pkce: Some(&pkce) };
        Ok(match self.qlik().exchange_code(self.host, self.named()?.named(), exchange).await {
            Ok(tokens) => {
                known.asked.given.push(Arc::new(tokens.access));
                Ok(Own::Taken)
            }
            // It got as far as the code, which is none of Qlik's.
            Err(e) if e.kind() == K::InvalidGrant => Ok(Own::Taken),
            Err(e) if leaves_open(&e) => Ok(Own::Open(e)),
            Err(e) => Err(e),
        })
    }

    fn unknown(&self, e: &QlikError) -> Note {
        Note::failed(
            format!("{} knows no OAuth client with this id.", self.host),
            "Copy the client’s id from Administration > OAuth in Qlik, or create a client there.",
        )
        .codes(e)
    }

    /// A grant that was refused for what no other check tells.
    pub(super) fn grant_refused(&self, known: &mut Known, e: &OAuthError) -> Note {
        let note = match e.kind() {
            K::UserDisabled => Note::failed(
                "Qlik does not let the client act for that user, who is disabled.",
                "A Tenant Admin can enable the user in Qlik.",
            ),
            K::UserRefused => Note::failed(
                "Qlik does not let the client act for that user, who is disabled or has too many open tokens.",
                "A Tenant Admin can enable the user in Qlik. Tokens end by themselves within hours.",
            ),
            K::TooManyTokens => Note::failed(
                "Qlik has too many open tokens of that user.",
                "They end by themselves within hours.",
            ),
            K::UserUnknown => Note::failed(
                "Qlik does not know the user to act for.",
                "The user may have been deleted in Qlik.",
            ),
            _ => return self.failed_with(known, e.error(), Sent::Client),
        };
        note.codes(e.error())
    }

    /// Gives back the tokens that were got for the checks alone: Qlik has a limit of how
    /// many a user may have.
    pub(super) async fn give_back(&self, known: &Known) {
        let Some(client) = &self.client else { return };
        for token in &known.asked.given {
            let revoked = self.qlik().revoke(self.host, client.named(), OAuthToken::Access(token)).await;
            if let Err(e) = revoked {
                tracing::info!(error = %e, "the token of a check could not be revoked at Qlik");
            }
        }
    }
}

impl Known {
    /// The client, where nothing shows whether Qlik knows it.
    fn asked_open(&self, got: &Result<Own, OAuthError>) -> Note {
        let says = match self.asked.way {
            Some(Ok(Probed::Refused(_))) => {
                "Not checked; Qlik refuses a made-up code in words that do not show it. The check of the redirect URL \
                 says more."
            }
            _ => "Not checked; Qlik refuses a made-up code in words that do not show it.",
        };
        let note = Note::not_checked(says).open();
        if let Ok(Own::Open(e)) = got { note.codes(e.error()) } else { note }
    }
}

/// Whether the client may let users connect, as far as Qlik says so before it looks at
/// a code.
pub(super) fn code(_: &Subject<'_>, known: &mut Known) -> Note {
    known.asked.or_open(grant(known, "let users connect (authorization code)"))
}

pub(super) fn grant(known: &Known, what: &str) -> Note {
    match known.asked.refused_for(K::GrantNotAllowed) {
        Some(e) => Note::failed(
            format!("The OAuth client may not {what}."),
            "Create a client of type Web in Qlik; the kind of a client can’t be changed later. The guide says which boxes to tick.",
        )
        .codes(e.error()),
        None => Note::passed(format!("The OAuth client may {what}.")),
    }
}

pub(super) fn secret(on: &Subject<'_>, known: &mut Known) -> Note {
    let has_none = on.client.as_ref().is_some_and(|c| c.secret.is_none());
    // That the id is refused was told by the check before.
    let refused =
        known.asked.refused_for(K::WrongSecret).or_else(|| known.asked.refused_for(K::ClientRefused));
    let note = match refused {
        Some(e) if has_none => Note::failed(
            "Qlik asks for the client’s secret, and none is stored.",
            "Paste a secret of the client here.",
        )
        .codes(e.error()),
        Some(e) => Note::failed(
            "Qlik refuses the client’s secret.",
            "It was deleted or is another client’s. Create a new one in Qlik under Administration > OAuth and paste it here; Qlik shows it once.",
        )
        .codes(e.error()),
        None if has_none => Note::passed("The client needs no secret; the portal proves itself by PKCE."),
        None => Note::passed("Qlik takes the client’s secret."),
    };
    known.asked.or_open(note)
}

/// Whether a later check tells of it.
fn is_told_below(kind: K) -> bool {
    matches!(kind, K::WrongSecret | K::GrantNotAllowed | K::ConsentNeeded | K::ScopeNotAllowed)
}

/// Whether an answer to an invented code leaves open what was refused.
fn leaves_open(e: &OAuthError) -> bool {
    match e.kind() {
        // The first is documented for both; the others speak of a user, whom no such code has.
        K::TokenOrClient | K::UserUnknown | K::UserDisabled | K::TooManyTokens => true,
        K::Other => e.error().kind() == ErrorKind::BadRequest,
        _ => false,
    }
}
