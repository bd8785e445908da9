//! A portal on an OAuth option, and a browser that a user goes to Qlik with.

use std::net::SocketAddr;

use backend::{
    Actor, Role,
    apps::{AppsPage, AppsQuery},
    connection::AuthOption,
    door::Trouble,
    oauth::{ConnectBack, ConnectEnd, redirect_uri},
    people::NewUser as NewPortalUser,
};
use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};
use sandbox::{
    Consent, Effect, Fault, LoginShape, NewAccount, NewClient, NewClientRef, TokenKind, TokenView,
};
use secrecy::ExposeSecret as _;

use crate::{
    browser::{Browser, Page},
    house::{House, ORIGIN},
};

pub(crate) const ADA: &str = "ada@acme.example";
const PASSWORD: &str = "right and long";

/// A portal whose users go through an OAuth client of its tenant.
pub(crate) struct Linked {
    pub(crate) h: House,
    pub(crate) client: NewClientRef,
}

struct Here(SocketAddr);

impl Resolve for Here {
    fn resolve(&self, _: Name) -> Resolving {
        let addr = self.0;
        Box::pin(async move { Ok(Box::new(std::iter::once(addr)) as Addrs) })
    }
}

/// The value of a parameter.
fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
}

pub(crate) async fn user(h: &House, email: &str) -> Actor {
    let new = NewPortalUser { email: email.to_owned(), name: "Somebody".to_owned(), role: Role::User };
    let link = h.portal.add_user(&h.ada, new).await.unwrap();
    h.portal
        .accept_invitation(link.token.expose_secret(), "a long enough password".to_owned().into())
        .await
        .unwrap()
}

/// The names of the user's apps, or what stands in the way.
pub(crate) async fn apps(at: &backend::Services, who: &Actor) -> Result<Vec<String>, Trouble> {
    match at.my_apps(who, AppsQuery::default()).await.unwrap() {
        AppsPage::Apps { apps, .. } => Ok(apps.into_iter().map(|a| a.name).collect()),
        AppsPage::Trouble(t) => Err(t),
    }
}

impl Linked {
    /// Users connect, through a client that asks them or does not.
    pub(crate) async fn users(consent: Consent) -> Self {
        let new = NewClient { redirect_uris: vec![redirect_uri(ORIGIN)], consent, ..NewClient::default() };
        let linked = Self::with(House::connected().await, AuthOption::OauthUsers, new).await;
        linked.h.world.set_login_shape(LoginShape::Form);
        linked.h.world.add_account(NewAccount::new(ADA, PASSWORD));
        linked
    }

    pub(crate) async fn with(h: House, option: AuthOption, new: NewClient) -> Self {
        let client = h.world.add_oauth_client(&h.tenant, new);
        let linked = Self { h, client };
        linked.put(option, &linked.client.client_id, linked.client.client_secret.as_deref()).await;
        linked.h.world.clear_log();
        linked
    }

    /// Puts the portal on an option; how many connections ended by it.
    pub(crate) async fn put(&self, option: AuthOption, client_id: &str, secret: Option<&str>) -> i64 {
        self.h.portal.use_oauth(&self.h.ada.portal.id, option, client_id, secret).await.unwrap()
    }

    /// A browser that nobody used.
    #[expect(clippy::disallowed_methods, reason = "a browser is not the product's client")]
    pub(crate) fn browser(&self) -> Browser {
        let at = self.h.portal.qlik_at();
        let addr = at.resolve.split(',').next().unwrap().split_once('=').unwrap().1.parse().unwrap();
        let http = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(at.ca_pem.unwrap().as_bytes()).unwrap()])
            .dns_resolver(Here(addr))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build();
        Browser::new(&http.unwrap())
    }

    /// Goes to an address at Qlik and signs in there where that is asked for; where
    /// the browser then stands.
    pub(crate) async fn visit(&self, browser: &mut Browser, url: &str, email: &str) -> Page {
        let first = browser.get(url).await;
        let page = browser.follow(first).await;
        if !page.shows("password") {
            return page;
        }
        let sent = browser.submit(&page, "password", &[("username", email), ("password", PASSWORD)]).await;
        browser.follow(sent).await
    }

    /// What a browser brings back to the portal.
    pub(crate) fn back(page: &Page) -> ConnectBack {
        let location = page.location.as_deref().unwrap_or_else(|| panic!("{} {}", page.status, page.text));
        assert!(location.starts_with(&redirect_uri(ORIGIN)), "{location}");
        let url: Url = location.parse().unwrap();
        ConnectBack {
            code: parameter(&url, "code"),
            state: parameter(&url, "state").unwrap(),
            error: parameter(&url, "error"),
            error_description: parameter(&url, "error_description"),
        }
    }

    /// From the button to what Qlik answers, for somebody who signs in there with this
    /// e-mail.
    pub(crate) async fn walk(&self, who: &Actor, email: &str) -> ConnectBack {
        let url = self.h.portal.begin_connect(who).await.unwrap();
        Self::back(&self.visit(&mut self.browser(), &url, email).await)
    }

    /// As [`Linked::walk`], and all the way.
    pub(crate) async fn connect(&self, who: &Actor, email: &str) -> ConnectEnd {
        let back = self.walk(who, email).await;
        self.h.portal.finish_connect(who, back).await.unwrap()
    }

    /// Ada is connected.
    pub(crate) async fn connected() -> Self {
        let linked = Self::users(Consent::Trusted).await;
        let end = linked.connect(&linked.h.ada, ADA).await;
        assert!(end.connected, "{end:?}");
        linked.h.world.clear_log();
        linked
    }

    /// An account of the login host, with the password of all.
    pub(crate) fn account(&self, email: &str) {
        self.h.world.add_account(NewAccount::new(email, PASSWORD));
    }

    pub(crate) async fn ada_sees(&self) -> Result<Vec<String>, Trouble> {
        apps(&self.h.portal, &self.h.ada).await
    }

    /// Whoever asks Qlik who they are is told that they are Mallory.
    pub(crate) fn qlik_names_mallory(&self) {
        let body = r#"{"id":"mallory","subject":"m","name":"Mallory"}"#.to_owned();
        let named =
            Effect::Status { status: 200, code: String::new(), title: String::new(), body: Some(body) };
        self.h.world.add_fault(Fault::new("/api/v1/users/me", named));
    }

    /// How often Qlik was asked at a path since the log was cleared.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.h.world.log().iter().filter(|e| e.path == path).count()
    }

    /// The tokens of a kind that are not spent.
    pub(crate) fn live(&self, kind: TokenKind) -> Vec<TokenView> {
        let now = self.h.world.now();
        let all = self.h.world.oauth_tokens(&self.h.tenant);
        all.into_iter().filter(|t| t.kind == kind && !t.spent && t.expires > now).collect()
    }

    pub(crate) async fn audited(&self, action: &str) -> usize {
        let rows = self.h.portal.audit_page(&self.h.ada, None, 200).await.unwrap();
        rows.iter().filter(|r| r.action == action).count()
    }
}
