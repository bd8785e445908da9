//! The checks of an OAuth client: each tells its own mistake, none says what nothing
//! showed, and none leaves a token behind.

use backend::{
    connection::AuthOption,
    integration::{Check, Outcome, Report},
};
use sandbox::{Consent, Effect, Fault, NewApp, NewClient, NewClientRef, TokenKind};

use crate::{
    house::{House, the_failed},
    options::{by_client, of, save, whole},
};

const UNKNOWN: &str = "0123456789abcdef0123456789abcdef";

fn answers(status: u16, title: &str) -> Effect {
    Effect::Status { status, code: "OAUTH-1".to_owned(), title: title.to_owned(), body: None }
}

/// In the form of the standard.
fn says(status: u16, error: &str) -> Effect {
    let body = Some(format!(r#"{{"error":"{error}"}}"#));
    Effect::Status { status, code: String::new(), title: String::new(), body }
}

fn told(check: &Check) -> String {
    format!("{} {}", check.says, check.remedy.as_deref().unwrap_or_default())
}

fn ends<const N: usize>(report: &Report, ids: [&str; N]) -> [Outcome; N] {
    ids.map(|id| of(report, id).outcome)
}

/// What is wrong with a client, how it comes about, and the check that tells it.
type Row = (&'static str, fn(&House) -> NewClientRef, &'static str, &'static str);

fn made(h: &House, new: NewClient) -> NewClientRef {
    h.world.add_oauth_client(&h.tenant, new)
}

#[tokio::test]
async fn whatever_is_wrong_with_the_client_is_told_by_its_own_check_and_nothing_is_stored() {
    let rows: [Row; 7] = [
        (
            "unknown",
            |h| NewClientRef { client_id: UNKNOWN.to_owned(), ..made(h, whole()) },
            "oauth_client",
            "knows no OAuth client",
        ),
        (
            "another secret",
            |h| NewClientRef { client_secret: Some("ab".repeat(32)), ..made(h, whole()) },
            "oauth_secret",
            "refuses the client’s secret",
        ),
        ("no grant", |h| made(h, NewClient { grants: Vec::new(), ..whole() }), "oauth_grant", "M2M"),
        (
            "no impersonation",
            |h| made(h, NewClient { grants: vec!["client_credentials".to_owned()], ..whole() }),
            "oauth_grant",
            "M2M",
        ),
        (
            "not trusted",
            |h| made(h, NewClient { consent: Consent::Required, ..whole() }),
            "oauth_consent",
            "not trusted",
        ),
        (
            "may not read users",
            |h| made(h, NewClient { scopes: vec!["user_default".to_owned()], ..whole() }),
            "oauth_scope",
            "admin.users:read",
        ),
        (
            "may not act as a user",
            |h| made(h, NewClient { scopes: vec!["admin.users:read".to_owned()], ..whole() }),
            "oauth_scope",
            "user_default",
        ),
    ];
    for (what, client, check, says) in rows {
        let h = House::new().await;
        let client = client(&h);
        let refused = save(&h, by_client(AuthOption::OauthEveryone, &client)).await;
        assert!(!refused.saved && !refused.staged, "{what}: {refused:#?}");
        let report = refused.report.unwrap();
        assert_eq!(the_failed(&report), check, "{what}");
        let told = told(of(&report, check));
        assert!(told.contains(says), "{what}: {told}");
        // Without a token for a user nothing shows that the scopes are enough.
        assert_ne!(of(&report, "oauth_scope").outcome, Outcome::Passed, "{what}");
        assert!(h.portal.settings_view(&h.ada).await.unwrap().form.is_none(), "{what}");
    }
}

#[tokio::test]
async fn what_no_token_for_a_user_proves_is_not_called_proven() {
    let h = House::new().await;
    let client = made(&h, whole());
    // Nobody there has the administrator's e-mail, and who the client itself is can't be seen.
    h.world.set_email(&h.qlik_ada, "another@acme.example");
    h.world.add_fault(Fault::new("/api/v1/users/me", answers(503, "away")));
    let report = save(&h, by_client(AuthOption::OauthEveryone, &client)).await.report.unwrap();
    assert_eq!(
        ends(&report, ["oauth_grant", "oauth_consent", "oauth_scope"]),
        [Outcome::NotChecked; 3],
        "{report:#?}"
    );
    assert_eq!(of(&report, "oauth_user").outcome, Outcome::Warning);
}

#[tokio::test]
async fn an_answer_about_the_client_that_nobody_can_read_is_no_yes() {
    for status in [400, 403, 404, 500, 503] {
        let h = House::new().await;
        let client = made(&h, whole());
        h.world.add_fault(Fault::new("/oauth/token", answers(status, "on purpose")));
        let end = save(&h, by_client(AuthOption::OauthEveryone, &client)).await;
        assert!(!end.saved, "{status}");
        assert_eq!(the_failed(&end.report.unwrap()), "oauth_client", "{status}");
    }
}

#[tokio::test]
async fn a_client_whose_users_connect_is_tried_without_a_user() {
    for (what, client, failed) in [
        ("right", None, None),
        ("unknown", Some(("0123456789abcdef", None)), Some("oauth_client")),
        ("another secret", Some(("", Some("ab".repeat(32)))), Some("oauth_secret")),
        ("no secret", Some(("", None)), Some("oauth_secret")),
    ] {
        let h = House::new().await;
        let right = made(&h, whole());
        let client = match client {
            None => right,
            Some((id, secret)) => {
                let id = if id.is_empty() { right.client_id } else { id.to_owned() };
                NewClientRef { client_id: id, client_secret: secret }
            }
        };
        let end = save(&h, by_client(AuthOption::OauthUsers, &client)).await;
        let report = end.report.unwrap();
        if let Some(check) = failed {
            assert_eq!(the_failed(&report), check, "{what}");
        } else {
            assert!(end.saved, "{report:#?}");
            assert_eq!(of(&report, "own_session").outcome, Outcome::NotChecked);
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_way_back_of_users_is_told_by_its_own_check() {
    let uris = || whole().redirect_uris;
    let scopes = |names: &[&str]| names.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    let rows = [
        ("none", NewClient { redirect_uris: Vec::new(), ..whole() }, "redirect URL"),
        (
            "another",
            NewClient { redirect_uris: uris().iter().map(|uri| format!("{uri}/")).collect(), ..whole() },
            "/qlik/oauth/callback",
        ),
        ("no scope", NewClient { scopes: scopes(&["admin.users:read"]), ..whole() }, "user_default"),
    ];
    for (what, new, says) in rows {
        let h = House::new().await;
        let client = made(&h, new);
        let refused = save(&h, by_client(AuthOption::OauthUsers, &client)).await;
        assert!(!refused.saved, "{what}: {refused:#?}");
        let report = refused.report.unwrap();
        assert_eq!(the_failed(&report), "oauth_redirect", "{what}");
        let told = told(of(&report, "oauth_redirect"));
        assert!(told.contains(says), "{what}: {told}");
        // For everyone no browser comes back.
        let everyone = save(&h, by_client(AuthOption::OauthEveryone, &client)).await.report.unwrap();
        assert!(everyone.check("oauth_redirect").is_none(), "{what}");
    }
}

#[tokio::test]
async fn a_way_back_that_can_not_be_read_is_left_open_and_stops_nobody() {
    let h = House::new().await;
    let client = made(&h, whole());
    let authorize = |effect| {
        h.world.clear_faults();
        h.world.add_fault(Fault::new("/oauth/authorize", effect));
    };
    for effect in [answers(500, "away"), answers(404, "no"), says(200, "x"), Effect::CutBefore] {
        authorize(effect.clone());
        let end = save(&h, by_client(AuthOption::OauthUsers, &client)).await;
        assert!(end.saved, "{effect:?}: {end:#?}");
        assert_eq!(ends(&end.report.unwrap(), ["oauth_redirect"]), [Outcome::NotChecked], "{effect:?}");
    }
    // A login in front of it did not refuse the redirect URL, and is not called.
    authorize(Effect::Redirect { location: "https://sso.corp.example/login".to_owned() });
    let report = save(&h, by_client(AuthOption::OauthUsers, &client)).await.report.unwrap();
    assert_eq!(ends(&report, ["oauth_redirect"]), [Outcome::Passed]);
}

#[tokio::test]
async fn an_answer_to_a_made_up_code_that_nobody_can_read_is_neither_yes_nor_no() {
    for (status, title) in [(401, "Unauthorized"), (401, "Invalid login or tokens"), (400, "on purpose")] {
        let h = House::new().await;
        let client = made(&h, whole());
        h.world.add_fault(Fault::new("/oauth/token", answers(status, title)));
        let end = save(&h, by_client(AuthOption::OauthUsers, &client)).await;
        assert!(end.saved, "{status} {title}: {end:#?}");
        let report = end.report.unwrap();
        // That it knows the client shows in where it would lead a browser.
        assert_eq!(
            ends(&report, ["oauth_client", "oauth_secret", "oauth_code", "oauth_redirect"]),
            [Outcome::Passed, Outcome::NotChecked, Outcome::NotChecked, Outcome::Passed],
            "{status} {title}: {report:#?}"
        );
        let unknown = NewClientRef { client_id: UNKNOWN.to_owned(), ..client };
        let refused = save(&h, by_client(AuthOption::OauthUsers, &unknown)).await.report.unwrap();
        assert_eq!(the_failed(&refused), "oauth_redirect", "{status} {title}");
        assert!(of(&refused, "oauth_redirect").says.contains("does not know this client id, or"));
        assert_eq!(ends(&refused, ["oauth_client"]), [Outcome::NotChecked]);
    }
}

#[tokio::test]
async fn a_made_up_code_that_is_called_invalid_shows_that_client_and_secret_were_taken() {
    let h = House::new().await;
    let client = made(&h, whole());
    h.world.add_fault(Fault::new("/oauth/token", answers(401, "Invalid code")));
    let report = save(&h, by_client(AuthOption::OauthUsers, &client)).await.report.unwrap();
    assert_eq!(ends(&report, ["oauth_client", "oauth_secret", "oauth_code"]), [Outcome::Passed; 3]);
}

#[tokio::test]
async fn one_name_for_id_and_secret_blames_the_secret_only_where_the_id_is_known() {
    for option in [AuthOption::OauthUsers, AuthOption::OauthEveryone] {
        let h = House::new().await;
        let client = made(&h, whole());
        h.world.add_fault(Fault::new("/oauth/token", says(401, "invalid_client")));
        let report = save(&h, by_client(option, &client)).await.report.unwrap();
        assert_eq!(the_failed(&report), "oauth_secret", "{option:?}");
        let unknown = NewClientRef { client_id: UNKNOWN.to_owned(), ..client };
        let report = save(&h, by_client(option, &unknown)).await.report.unwrap();
        assert_eq!(the_failed(&report), "oauth_client", "{option:?}");
        assert!(of(&report, "oauth_client").says.contains("client id or its secret"), "{report:#?}");
    }
}

#[tokio::test]
async fn no_refusal_of_an_oauth_client_or_a_token_speaks_of_an_api_key() {
    for option in [AuthOption::OauthUsers, AuthOption::OauthEveryone] {
        for path in ["/oauth/token", "/api/v1/users/me", "/api/v1/users$", "/api/v1/items", "/app/*"] {
            for status in [401, 403, 404] {
                let h = House::new().await;
                let client = made(&h, whole());
                h.world.add_fault(Fault::new(path, answers(status, "on purpose")));
                let report = save(&h, by_client(option, &client)).await.report.unwrap();
                for check in &report.checks {
                    let told = told(check);
                    assert!(!told.contains(" key"), "{option:?} {path} {status} {}: {told}", check.id);
                }
            }
        }
    }
}

#[tokio::test]
async fn without_a_user_of_the_administrators_it_is_not_the_keys_owner_who_is_looked_at() {
    let h = House::new().await;
    let client = made(&h, whole());
    h.world.set_email(&h.qlik_ada, "another@acme.example");
    let input = || by_client(AuthOption::OauthEveryone, &client);
    assert!(save(&h, input()).await.saved);
    // The user that the client itself is was looked at, and has an app from now on.
    let own = h.world.oauth_tokens(&h.tenant).first().unwrap().user.clone();
    h.world.add_app(&h.tenant, NewApp { name: "Its own".to_owned(), owner: own, ..NewApp::default() });
    let report = save(&h, input()).await.report.unwrap();
    assert!(told(of(&report, "apps")).contains("the client's own user, sees 1 app"), "{report:#?}");
    for check in &report.checks {
        assert!(!told(check).contains(" key"), "{check:?}");
    }
}

#[tokio::test]
async fn the_checks_leave_no_token_at_qlik() {
    for option in [AuthOption::OauthUsers, AuthOption::OauthEveryone] {
        let h = House::new().await;
        let client = made(&h, whole());
        assert!(save(&h, by_client(option, &client)).await.saved);
        assert!(h.portal.doctor(&h.ada.portal).await.unwrap().ok);
        // Also where they end on their way.
        h.world.add_fault(Fault::new("/api/v1/users/me", answers(503, "away")));
        let _ = h.portal.doctor(&h.ada.portal).await.unwrap();
        let tokens = h.world.oauth_tokens(&h.tenant);
        assert_eq!(tokens.is_empty(), option == AuthOption::OauthUsers, "there were tokens for everyone");
        let live = tokens.iter().filter(|t| t.kind == TokenKind::Access && !t.spent).count();
        assert_eq!(live, 0, "{option:?}");
    }
}
