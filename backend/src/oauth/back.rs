//! What a browser brings back from Qlik, and what it means in words. Pure. All of it
//! comes from outside: it is bounded, and never repeated to anybody.

use std::fmt;

use qlik::oauth::AuthorizationCode;

/// Longest code that is taken, in bytes. Qlik's are well under 200.
const MAX_CODE: usize = 4096;
/// Longest state that is looked up, in bytes. Ours have 43.
const MAX_STATE: usize = 200;

/// The parameters of the redirect address.
#[derive(Clone, Default)]
pub struct ConnectBack {
    /// The code, where the user agreed.
    pub code: Option<String>,
    /// The text that the browser was sent with.
    pub state: String,
    /// Qlik's code of what stood in the way.
    pub error: Option<String>,
    /// Qlik's words for it, which are not used: what is told is ours.
    pub error_description: Option<String>,
}

impl fmt::Debug for ConnectBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectBack(***)")
    }
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectEnd {
    /// The user is connected.
    pub connected: bool,
    /// In words for the user.
    pub says: String,
}

impl ConnectEnd {
    pub(super) fn not(says: impl Into<String>) -> Self {
        Self { connected: false, says: says.into() }
    }
}

/// The state, as far as it can be one of ours.
pub(super) fn state_of(back: &ConnectBack) -> Option<&str> {
    Some(back.state.as_str()).filter(|s| (1..=MAX_STATE).contains(&s.len()))
}

/// The code, or in words why there is none.
pub(super) fn code_of(back: ConnectBack) -> Result<AuthorizationCode, &'static str> {
    if let Some(error) = back.error.as_deref() {
        return Err(said_of(error));
    }
    let fits = |c: &String| (1..=MAX_CODE).contains(&c.len()) && c.bytes().all(|b| b.is_ascii_graphic());
    back.code.filter(fits).map(AuthorizationCode::new).ok_or(
        "You came back from Qlik without its answer, so nothing was connected. Choose Connect to Qlik again.",
    )
}

/// The codes of <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1> and
/// <https://openid.net/specs/openid-connect-core-1_0.html#AuthError>.
fn said_of(error: &str) -> &'static str {
    match error {
        "access_denied" => {
            "Access was not allowed at Qlik, so nothing was connected. To connect, choose Connect to Qlik again \
             and allow it there."
        }
        "consent_required" | "interaction_required" | "login_required" | "account_selection_required" => {
            "Qlik has to ask you something first, and it was not answered, so nothing was connected. Choose Connect \
             to Qlik again and answer what Qlik asks."
        }
        "invalid_scope" => {
            "Qlik does not let this portal's OAuth client ask for what it needs, so nothing was connected. A Tenant \
             Admin gives the client the scopes user_default and offline_access in Qlik."
        }
        "unauthorized_client" | "unsupported_response_type" => {
            "This portal's OAuth client may not connect users, so nothing was connected. An administrator of this \
             portal compares the client in Qlik with the guide: it is of the type Web and lists this portal's \
             redirect address."
        }
        "server_error" | "temporarily_unavailable" => {
            "Qlik has a problem of its own, so nothing was connected. Choose Connect to Qlik again in a few minutes."
        }
        _ => {
            "Qlik ended the connection with an error, so nothing was connected. Choose Connect to Qlik again; if it \
             stays so, an administrator of this portal tests the connection in the settings."
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn with(error: Option<&str>, code: Option<&str>) -> ConnectBack {
        ConnectBack {
            code: code.map(str::to_owned),
            state: "s".to_owned(),
            error: error.map(str::to_owned),
            error_description: Some("canary-description".to_owned()),
        }
    }

    #[test]
    fn each_cause_has_its_own_sentence_and_what_to_do() {
        let causes = [
            "access_denied",
            "consent_required",
            "invalid_scope",
            "unauthorized_client",
            "server_error",
            "x",
        ];
        let said: HashSet<&str> = causes.iter().map(|e| code_of(with(Some(e), None)).unwrap_err()).collect();
        assert_eq!(said.len(), causes.len());
        assert!(said.iter().all(|s| s.contains("nothing was connected. ")), "{said:#?}");
    }

    #[test]
    fn a_code_beside_an_error_is_not_used() {
        assert!(code_of(with(Some("access_denied"), Some("code"))).is_err());
        assert_eq!(code_of(with(None, Some("code"))).unwrap().expose(), "code");
    }

    #[test]
    fn what_is_too_long_or_no_plain_text_is_no_code_and_no_state() {
        for code in [None, Some(""), Some("a b"), Some("a\nb"), Some("é"), Some(&*"a".repeat(MAX_CODE + 1))]
        {
            assert!(code_of(with(None, code)).is_err(), "{code:?}");
        }
        let of = |state: &str| {
            state_of(&ConnectBack { state: state.to_owned(), ..ConnectBack::default() }).is_some()
        };
        assert!(of(&"a".repeat(MAX_STATE)) && !of("") && !of(&"a".repeat(MAX_STATE + 1)));
    }

    proptest! {
        #[test]
        fn nothing_that_came_back_is_repeated(error in "[a-z_<>&\"' ]{12,400}", code in "[!-~]{12,80}") {
            let back = with(Some(&error), Some(&code));
            let shown = format!("{back:?}");
            prop_assert!(!shown.contains(&code));
            let said = code_of(back).unwrap_err();
            prop_assert!(!said.contains(&error) && !said.contains(&code) && !said.contains("canary"));
        }
    }
}
