//! Where everything is. The paths are contract: bookmarks and other people's
//! tests rely on them.

/// Leads to [`APPS`], [`LOGIN`] or [`SETUP`].
pub const HOME: &str = "/";
/// First start: makes the portal and its owner.
pub const SETUP: &str = "/setup";
/// Sign in.
pub const LOGIN: &str = "/login";
/// Sign out.
pub const LOGOUT: &str = "/logout";
/// Set the first password from a one-time link.
pub const JOIN: &str = "/join";
/// The Qlik apps that this person may open.
pub const APPS: &str = "/apps";
/// One's own name and password.
pub const PROFILE: &str = "/profile";
/// On the way to Qlik, to connect.
pub const CONNECTING: &str = "/profile/connecting";
/// What removing one's Qlik password does, then does it.
pub const REMOVE_CREDENTIALS: &str = "/profile/remove-credentials";
/// What removing one's connection to Qlik does, then does it.
pub const REMOVE_CONNECTION: &str = "/profile/remove-connection";
/// Where Qlik sends the browser back to.
pub const CONNECTED: &str = "/qlik/oauth/callback";
/// The portal's hostname and its Qlik integration.
pub const SETTINGS: &str = "/admin/settings";
/// Tells an open settings page of each change.
pub const STATUS_STREAM: &str = "/admin/settings/status/stream";
/// What will stop working, then ends the integration.
pub const DISCONNECT: &str = "/admin/settings/disconnect";
/// A change of tenant, web integration or option that is not in force yet.
pub const CHANGE: &str = "/admin/settings/change";
/// Tells an open page of the change of each step of its comparison.
pub const CHANGE_STREAM: &str = "/admin/settings/change/stream";
/// The coming renewal, and every one that was.
pub const RENEWALS: &str = "/admin/settings/renewals";
/// Sets the connection up with one key.
pub const SET_UP_KEY: &str = "/admin/settings/set-up";
/// What will be created at Qlik, then creates it.
pub const IDENTITY_PROVIDER: &str = "/admin/settings/identity-provider";
/// How to connect, step by step, and how far it is.
pub const GUIDE: &str = "/admin/guide";
/// What a helper needs to know, as one file.
pub const SUPPORT: &str = "/admin/settings/support.json";
/// The key that signs users in, and its replacement.
pub const SIGNING_KEY: &str = "/admin/settings/signing-key";
/// What retiring the old signing key does, then does it.
pub const RETIRE_SIGNING_KEY: &str = "/admin/settings/signing-key/retire";
/// The portal's people.
pub const USERS: &str = "/admin/users";
/// Who of the portal's people Qlik knows, and what a sign-in may do there.
pub const MATCHING: &str = "/admin/users/matching";
/// The same as a file.
pub const MATCHING_CSV: &str = "/admin/users/matching.csv";
/// Tells an open page of the comparison of each change.
pub const MATCHING_STREAM: &str = "/admin/users/matching/stream";
/// Whom the portal tells about its renewals, and how.
pub const NOTIFICATIONS: &str = "/admin/notifications";
/// What happened.
pub const AUDIT: &str = "/admin/audit";

/// One person of the portal.
pub fn user(id: &str) -> String {
    format!("{USERS}/{}", encode(id))
}

/// What disabling this person does, then does it.
pub fn user_disable(id: &str) -> String {
    format!("{}/disable", user(id))
}

/// What removing this person does, then does it.
pub fn user_remove(id: &str) -> String {
    format!("{}/remove", user(id))
}

/// Sign in, then go on to `next`; a `next` that leaves the portal is dropped.
pub fn login(next: &str) -> String {
    match local_path(next) {
        Some(next) if next != HOME && !next.starts_with(LOGIN) && !next.starts_with(LOGOUT) => {
            format!("{LOGIN}?next={}", encode(next))
        }
        _ => LOGIN.to_owned(),
    }
}

/// The page that a one-time link opens.
pub fn join(token: &str) -> String {
    format!("{JOIN}?token={}", encode(token))
}

/// Whether the address of this page may hold something that works once: a link's
/// token, or what Qlik sent a browser back with.
pub fn carries_secret(path: &str) -> bool {
    matches!(path.trim_end_matches('/'), JOIN | CONNECTED)
}

/// Bytes of a path with its query that anybody is sent to: the page with the most filters needs a tenth.
const LONGEST: usize = 2_048;

/// `path` if it stays in this portal: one leading slash, nothing that a browser
/// reads as another host, nothing that can't stand in a header, of a sane length.
pub fn local_path(path: &str) -> Option<&str> {
    let rest = path.strip_prefix('/')?;
    let leaves = rest.starts_with(['/', '\\']);
    let short = path.len() <= LONGEST;
    let printable = path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    (!leaves && printable && short).then_some(path)
}

/// Percent-encodes `text` for use as one part of a path or query.
pub fn encode(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    out
}

#[cfg(feature = "ssr")]
pub use router::App;

/// The router, which only the server needs.
#[cfg(feature = "ssr")]
pub mod router {
    use leptos::prelude::*;
    use leptos_meta::provide_meta_context;
    use leptos_router::{
        SsrMode,
        components::{FlatRoutes, Route, Router},
        path,
    };

    use crate::pages;

    /// Every page. All are rendered as a whole ([`SsrMode::Async`]): a page can
    /// still become a redirect or a 404, and works without JavaScript.
    #[component]
    pub fn App() -> impl IntoView {
        provide_meta_context();
        view! {
            <Router>
                <FlatRoutes fallback=pages::NotFoundPage>
                    <Route path=path!("/") view=pages::HomePage ssr=SsrMode::Async/>
                    <Route path=path!("/setup") view=pages::SetupPage ssr=SsrMode::Async/>
                    <Route path=path!("/login") view=pages::LoginPage ssr=SsrMode::Async/>
                    <Route path=path!("/logout") view=pages::LogoutPage ssr=SsrMode::Async/>
                    <Route path=path!("/join") view=pages::JoinPage ssr=SsrMode::Async/>
                    <Route path=path!("/apps") view=pages::AppsPage ssr=SsrMode::Async/>
                    <Route path=path!("/profile") view=pages::ProfilePage ssr=SsrMode::Async/>
                    <Route path=path!("/profile/connecting") view=pages::ConnectingPage ssr=SsrMode::Async/>
                    <Route
                        path=path!("/profile/remove-credentials")
                        view=pages::RemoveCredentialsPage
                        ssr=SsrMode::Async
                    />
                    <Route
                        path=path!("/profile/remove-connection")
                        view=pages::RemoveConnectionPage
                        ssr=SsrMode::Async
                    />
                    <Route path=path!("/qlik/oauth/callback") view=pages::ConnectedPage ssr=SsrMode::Async/>
                    <Route path=path!("/admin/settings") view=pages::SettingsPage ssr=SsrMode::Async/>
                    <Route path=path!("/admin/settings/disconnect") view=pages::DisconnectPage ssr=SsrMode::Async/>
                    <Route
                        path=path!("/admin/settings/identity-provider")
                        view=pages::IdentityProviderPage
                        ssr=SsrMode::Async
                    />
                    <Route path=path!("/admin/settings/change") view=pages::ChangePage ssr=SsrMode::Async/>
                    <Route path=path!("/admin/settings/set-up") view=pages::SetUpKeyPage ssr=SsrMode::Async/>
                    <Route path=path!("/admin/settings/signing-key") view=pages::SigningKeyPage ssr=SsrMode::Async/>
                    <Route
                        path=path!("/admin/settings/signing-key/retire")
                        view=pages::RetireSigningKeyPage
                        ssr=SsrMode::Async
                    />
                    <Route path=path!("/admin/settings/renewals") view=pages::RenewalsPage ssr=SsrMode::Async/>
                    <Route path=path!("/admin/guide") view=pages::GuidePage ssr=SsrMode::Async/>
                    <Route path=path!("/admin/users") view=pages::UsersPage ssr=SsrMode::Async/>
                    <Route path=path!("/admin/users/matching") view=pages::MatchingPage ssr=SsrMode::Async/>
                    <Route path=path!("/admin/users/:id") view=pages::UserPage ssr=SsrMode::Async/>
                    <Route path=path!("/admin/users/:id/disable") view=pages::DisableUserPage ssr=SsrMode::Async/>
                    <Route path=path!("/admin/users/:id/remove") view=pages::RemoveUserPage ssr=SsrMode::Async/>
                    <Route path=path!("/admin/notifications") view=pages::NotificationsPage ssr=SsrMode::Async/>
                    <Route path=path!("/admin/audit") view=pages::AuditPage ssr=SsrMode::Async/>
                </FlatRoutes>
            </Router>
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leaves_the_portal_is_refused() {
        for bad in [
            "",
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "/a\\b",
            "javascript:alert(1)",
            "apps",
            "/a\r\nSet-Cookie: x=1",
            "/\tevil",
            "/über",
        ] {
            assert_eq!(local_path(bad), None, "{bad:?}");
        }
        for good in ["/", "/apps", "/admin/users/1f?x=%2F%2Fa"] {
            assert_eq!(local_path(good), Some(good));
        }
    }

    #[test]
    fn signing_in_leads_on_to_the_page_that_was_asked_for() {
        assert_eq!(login("/admin/users?a=b"), "/login?next=%2Fadmin%2Fusers%3Fa%3Db");
        for to_plain in ["//evil.example", "/", "/login?next=%2Fapps", "/logout", ""] {
            assert_eq!(login(to_plain), LOGIN, "{to_plain}");
        }
    }

    #[cfg(feature = "ssr")]
    #[test]
    fn notices_lead_to_pages_that_there_are() {
        assert_eq!(RENEWALS, backend::notices::RENEWALS);
        assert_eq!(SETTINGS, backend::notices::SETTINGS);
        assert_eq!(NOTIFICATIONS, backend::notices::NOTIFICATIONS);
        assert_eq!(CONNECTED, backend::oauth::redirect_uri(""));
    }

    #[test]
    fn a_token_is_encoded_into_its_link() {
        assert_eq!(join("a b+c/ä"), "/join?token=a%20b%2Bc%2F%C3%A4");
    }
}
