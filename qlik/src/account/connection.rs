//! Which accounts a classic login page asks for, where only its script says so.
//!
//! Auth0's published template for a page of one's own keeps the name of its database
//! out of the settings, as `var databaseConnection = '…'`
//! (<https://auth0.com/docs/customize/login-pages/classic-login/customize-with-lock-sdk>,
//! <https://auth0.com/docs/libraries/auth0js>). This module must not run anything.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

/// Longest name that is taken, in characters.
const MAX_NAME: usize = 128;
/// What names of other ways to sign in begin with, which stand in the same scripts.
const SOCIAL: [&str; 8] =
    ["google", "facebook", "apple", "windowslive", "linkedin", "github", "twitter", "sms"];

/// The name that the page's inline scripts give: of their database, of the realm that
/// they sign in to, or the only one of a connection.
pub(super) fn named(scripts: &[Zeroizing<String>]) -> Option<String> {
    let all = |member: &'static str| scripts.iter().flat_map(move |script| values(script, member));
    if let Some(name) = all("databaseConnection").chain(all("realm")).next() {
        return Some(name.to_owned());
    }
    let is_own = |name: &&str| !SOCIAL.iter().any(|social| name.starts_with(social));
    let mut connections: BTreeSet<&str> = all("connection").filter(is_own).collect();
    let only = connections.pop_first()?;
    connections.is_empty().then(|| only.to_owned())
}

/// The texts in quotes that are assigned to `member`, or are its value in an object.
fn values<'a>(script: &'a str, member: &'static str) -> impl Iterator<Item = &'a str> {
    script.match_indices(member).filter_map(move |(at, _)| {
        let before = script[..at].chars().next_back();
        if before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$') {
            return None;
        }
        let rest = script[at + member.len()..].trim_start_matches(['"', '\'']).trim_start();
        let rest = rest.strip_prefix(['=', ':'])?.trim_start();
        let quote = rest.chars().next().filter(|c| ['"', '\'', '`'].contains(c))?;
        let name = rest[1..].split(quote).next()?;
        let is_name = !name.is_empty()
            && name.len() <= MAX_NAME
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        is_name.then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(scripts: &[&str]) -> Option<String> {
        let scripts: Vec<_> = scripts.iter().map(|script| Zeroizing::new((*script).to_owned())).collect();
        named(&scripts)
    }

    #[test]
    fn the_name_is_the_databases_then_the_realms_then_the_only_connections() {
        let social = "webAuth.authorize({ connection: 'google-oauth2' })";
        for (scripts, wanted) in [
            (vec!["var databaseConnection = 'Qlik-Users';"], Some("Qlik-Users")),
            (vec!["const databaseConnection=\"Q_1\""], Some("Q_1")),
            (vec![social, "x({ realm: 'Qlik-Users', username: u })"], Some("Qlik-Users")),
            (vec!["x({ realm: 'R' }); var databaseConnection = 'D'"], Some("D")),
            (vec![social, "x({ \"connection\": \"Own\" })"], Some("Own")),
            (vec![social], None),
            (vec!["x({ connection: 'A' }); y({ connection: 'B' })"], None),
            (vec!["x({ realm: databaseConnection })"], None),
            (vec!["myrealm = 'x'; realmOf = 'y'; realm == 'z'"], None),
            (vec!["realm = 'two words'"], None),
            (vec![""], None),
        ] {
            assert_eq!(of(&scripts).as_deref(), wanted, "{scripts:?}");
        }
    }
}
