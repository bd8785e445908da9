//! The whole router over a real store: what a browser, a script and a stranger are answered.

mod forms;
mod pages;
mod sessions;
mod trouble;

use axum::{
    body::{Body, to_bytes},
    http::{Request, Response},
};
use backend::{
    Actor,
    testing::{FakeClock, TestServices, services},
};
use secrecy::ExposeSecret as _;
use tower::ServiceExt as _;

use super::*;
use crate::config::Flags;

struct House {
    router: Router,
    services: TestServices,
}

async fn house(public_url: &str) -> House {
    let services = services(FakeClock::new("2026-11-24T12:00:00Z".parse().unwrap())).await.unwrap();
    let config = Config::read(Flags::at(public_url)).unwrap();
    let router = router(&config, &services, &CancellationToken::new());
    House { router, services }
}

impl House {
    async fn ask(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> Response<Body> {
        self.ask(Request::get(path).header("host", "acme.portal.example").body(Body::empty()).unwrap()).await
    }
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response.headers().get(name).map(|v| v.to_str().unwrap()).unwrap_or_default()
}

/// The cookie of that name.
fn cookie(response: &Response<Body>, name: &str) -> String {
    let all = response.headers().get_all("set-cookie").iter().map(|v| v.to_str().unwrap());
    let named = all.filter(|c| c.split_once('=').is_some_and(|(n, _)| n == name));
    named.map(str::to_owned).next().unwrap_or_default()
}

fn sign_in(origin: Option<&str>, password: &str) -> Request<Body> {
    let request = Request::post("/api/people/sign-in")
        .header("host", "acme.portal.example")
        .header("accept", "text/html")
        .header("content-type", "application/x-www-form-urlencoded");
    let request = match origin {
        Some(origin) => request.header("origin", origin),
        None => request,
    };
    let form = format!("email=ada%40acme.example&password={}&next=", password.replace(' ', "+"));
    request.body(Body::from(form)).unwrap()
}

const HTTPS: &str = "https://acme.portal.example";

/// The cookie of somebody who has just signed in.
async fn cookie_of(h: &House, email: &str, password: &str) -> String {
    let form = format!("email={}&password={}&next=", email.replace('@', "%40"), password.replace(' ', "+"));
    let request = Request::post("/api/people/sign-in")
        .header("host", "acme.portal.example")
        .header("accept", "text/html")
        .header("origin", HTTPS)
        .header("content-type", "application/x-www-form-urlencoded");
    let response = h.ask(request.body(Body::from(form)).unwrap()).await;
    cookie(&response, "__Host-qonduit").split(';').next().unwrap().to_owned()
}

/// What leads Bea, a user, into the portal.
async fn invited(h: &House, by: &Actor) -> String {
    let new = backend::people::NewUser {
        email: "bea@acme.example".to_owned(),
        name: "Bea".to_owned(),
        role: backend::Role::User,
    };
    h.services.add_user(by, new).await.unwrap().token.expose_secret().to_owned()
}

/// Bea, and the cookie with which she is signed in.
async fn user(h: &House, by: &Actor) -> (Actor, String) {
    let token = invited(h, by).await;
    let bea = h.services.accept_invitation(&token, "another long password".to_owned().into()).await.unwrap();
    (bea, cookie_of(h, "bea@acme.example", "another long password").await)
}

/// A form that a browser sends, with the session that it has.
async fn post(h: &House, path: &str, form: String, cookie: Option<&str>) -> Response<Body> {
    let request = Request::post(path)
        .header("host", "acme.portal.example")
        .header("accept", "text/html")
        .header("origin", HTTPS)
        .header("content-type", "application/x-www-form-urlencoded");
    let request = match cookie {
        Some(cookie) => request.header("cookie", cookie),
        None => request,
    };
    h.ask(request.body(Body::from(form)).unwrap()).await
}

async fn get_with(h: &House, path: &str, cookie: &str) -> Response<Body> {
    let request = Request::get(path).header("host", "acme.portal.example").header("accept", "text/html");
    h.ask(request.header("cookie", cookie).body(Body::empty()).unwrap()).await
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

/// The `name=value` of the session's cookie that an answer sets; none where it sets none.
fn session_cookie(response: &Response<Body>) -> Option<String> {
    let all = response.headers().get_all("set-cookie").iter().map(|v| v.to_str().unwrap());
    let ours = all.filter(|v| v.starts_with("__Host-qonduit="));
    ours.map(|v| v.split(';').next().unwrap().to_owned()).next_back()
}

fn flash_cookie(response: &Response<Body>) -> Option<String> {
    let all = response.headers().get_all("set-cookie").iter().map(|v| v.to_str().unwrap());
    let ours = all.filter(|v| v.starts_with("__Host-qonduit-flash="));
    ours.map(|v| v.split(';').next().unwrap().to_owned()).next_back()
}

fn credentials(email: &str, password: &str) -> String {
    format!("email={}&password={}&next=", routes::encode(email), routes::encode(password))
}
