//! How a person signs in, for the tests that need somebody signed in, whatever the
//! login host's pages look like.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use sandbox::{LoginShape, NewAccount, NewUser, UserRef};
use serde_json::{Value, json};

use crate::browser::{Browser, Page};
use crate::support::{HOST, ORIGIN, Portal, portal};

pub(crate) const EMAIL: &str = "bea@acme.example";
pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const FILLABLE: [LoginShape; 5] = [
    LoginShape::Classic,
    LoginShape::Form,
    LoginShape::FormExtra,
    LoginShape::IdentifierFirst,
    LoginShape::FormPostCallback,
];

/// A portal at Acme, whose user Bea has an account.
pub(crate) struct Scene {
    pub(crate) portal: Portal,
    pub(crate) bea: UserRef,
}

pub(crate) async fn scene(shape: LoginShape) -> Scene {
    let portal = portal().await;
    let bea = portal.acme.world.add_user(&portal.acme.tenant, NewUser::new(EMAIL));
    portal.acme.world.add_account(NewAccount::new(EMAIL, PASSWORD));
    portal.acme.world.set_login_shape(shape);
    Scene { portal, bea }
}

impl Scene {
    pub(crate) fn world(&self) -> &sandbox::WorldHandle {
        &self.portal.acme.world
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(&self.portal.acme.http)
    }

    /// The tenant's `/login` for the portal.
    pub(crate) fn start(&self) -> String {
        let id = &self.portal.integration;
        format!("https://{HOST}/login?returnto={ORIGIN}/home&qlik-web-integration-id={id}")
    }

    /// The login page.
    pub(crate) async fn open(&self, browser: &mut Browser) -> Page {
        let first = browser.get(&self.start()).await;
        browser.follow(first).await
    }

    /// Signs in; ends where a person would stand.
    pub(crate) async fn sign_in(&self, browser: &mut Browser, email: &str, password: &str) -> Page {
        let page = self.open(browser).await;
        let answer = answer(browser, &page, email, password).await;
        onward(browser, answer).await
    }
}

/// The configuration in a classic page.
pub(crate) fn config(page: &Page) -> Value {
    let (_, rest) = page.text.split_once("window.atob('").unwrap();
    serde_json::from_slice(&STANDARD.decode(rest.split_once('\'').unwrap().0).unwrap()).unwrap()
}

/// What a classic page's script sends.
pub(crate) fn submission(page: &Page, email: &str, password: &str) -> Value {
    let config = config(page);
    let mut body = config["internalOptions"].clone();
    body["client_id"] = config["clientID"].clone();
    body["tenant"] = config["auth0Tenant"].clone();
    body["connection"] = config["connection"].clone();
    body["redirect_uri"] = config["callbackURL"].clone();
    body["username"] = json!(email);
    body["password"] = json!(password);
    body
}

/// Fills the login page in, whatever its shape.
pub(crate) async fn answer(browser: &mut Browser, page: &Page, email: &str, password: &str) -> Page {
    if page.shows("window.atob") {
        let body = submission(page, email, password);
        return browser.post_json("https://login.qlik.com/usernamepassword/login", &body).await;
    }
    let both = [("username", email), ("password", password)];
    if page.url.path() == "/u/login/identifier" {
        let second = browser.submit(page, "username", &both[..1]).await;
        let second = browser.follow(second).await;
        return browser.submit(&second, "password", &both[1..]).await;
    }
    let name = if page.shows("name='email'") { "email" } else { "username" };
    browser.submit(page, "password", &[(name, email), ("password", password)]).await
}

/// Follows redirects and forms that send themselves.
pub(crate) async fn onward(browser: &mut Browser, mut page: Page) -> Page {
    loop {
        page = browser.follow(page).await;
        if !page.shows("document.forms[0].submit()") {
            return page;
        }
        let with = if page.shows("wresult") { "wresult" } else { "code" };
        page = browser.submit(&page, with, &[]).await;
    }
}

/// The user whose session a browser has, if any.
pub(crate) async fn who(scene: &Scene, browser: &Browser) -> Option<String> {
    let url: Url = format!("https://{HOST}/api/v1/users/me").parse().unwrap();
    let request = scene.portal.acme.http.get(url.clone()).header("cookie", browser.cookies(&url));
    let response = request.send().await.unwrap();
    let location = response.headers().get("location")?.to_str().unwrap();
    location.rsplit('/').next().map(str::to_owned)
}
