//! What it rests on that users registered or connected.

use super::{AuthOption, Connection};

/// That of the settings for which users register or connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ground<'a> {
    pub(crate) option: AuthOption,
    pub(crate) host: &'a str,
    pub(crate) client_id: Option<&'a str>,
}

impl Ground<'_> {
    /// What users did on this ground is good on the other one too.
    pub(crate) fn carries(self, next: Ground<'_>) -> bool {
        let same_client = self.option != AuthOption::OauthUsers || self.client_id == next.client_id;
        self.option == next.option && self.host == next.host && same_client
    }
}

impl Connection {
    /// What its users registered or connected for.
    pub(crate) fn ground(&self) -> Ground<'_> {
        Ground { option: self.option, host: self.host.as_str(), client_id: self.client_id.as_deref() }
    }
}

#[cfg(test)]
mod tests {
    use super::{AuthOption as O, Ground};

    #[test]
    fn what_users_did_is_carried_over_where_nothing_of_its_ground_changes() {
        let ground = |option, host, client_id| Ground { option, host, client_id };
        let (a, b) = (Some("a"), Some("b"));
        for (before, after, carries) in [
            (ground(O::Credentials, "x", None), ground(O::Credentials, "x", None), true),
            (ground(O::Credentials, "x", None), ground(O::Credentials, "y", None), false),
            (ground(O::Credentials, "x", None), ground(O::OauthUsers, "x", a), false),
            (ground(O::OauthUsers, "x", a), ground(O::OauthUsers, "x", a), true),
            (ground(O::OauthUsers, "x", a), ground(O::OauthUsers, "x", b), false),
            (ground(O::OauthUsers, "x", a), ground(O::OauthUsers, "y", a), false),
            (ground(O::OauthUsers, "x", a), ground(O::OauthEveryone, "x", a), false),
            // Users do nothing here, whatever the client.
            (ground(O::OauthEveryone, "x", a), ground(O::OauthEveryone, "x", b), true),
        ] {
            assert_eq!(before.carries(after), carries, "{before:?} to {after:?}");
        }
    }
}
