//! The names of a tenant: an alias that is changed or given up, and a tenant that sends
//! its callers to the permanent name.

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use sandbox::{Effect, Fault, NewApp, NewTenant};
use serde_json::{Value, json};

use crate::control::control;
use crate::engine::handshake;
use crate::support::{Acme, HOST, acme, claims, client, code, parts, portal, send, status};

const NEW: &str = "acme-new.eu.qlikcloud.com";

fn of_tenant(acme: &Acme) -> String {
    format!("/api/v1/tenants/{}", acme.tenant.id)
}

/// Asks under any name with Ada's key.
fn under(acme: &Acme, host: &str, path: &str) -> RequestBuilder {
    acme.http.get(format!("https://{host}{path}")).bearer_auth(&acme.ada_key.1)
}

fn rename(host: &str) -> Value {
    json!([{"op": "replace", "path": "/hostnames/1", "value": host}])
}

fn location(response: &Response) -> &str {
    response.headers()["location"].to_str().unwrap()
}

#[tokio::test]
async fn an_administrator_changes_the_alias_and_the_original_name_stays() {
    let acme = acme().await;
    let path = of_tenant(&acme);
    let renamed = acme.ada(Method::PATCH, &path).json(&rename("Acme-New.eu.qlikcloud.com"));
    assert_eq!(status(renamed).await, StatusCode::NO_CONTENT);
    for host in [NEW, acme.tenant.permanent_host.as_str()] {
        let (found, body) = send(under(&acme, host, &path)).await;
        assert_eq!(found, StatusCode::OK, "{host}");
        assert_eq!(body["hostnames"], json!([acme.tenant.permanent_host, NEW]));
        assert_eq!(body["id"], acme.tenant.id);
    }
    let (refused, body) = send(under(&acme, HOST, &path)).await;
    assert_eq!((refused, code(&body)), (StatusCode::UNAUTHORIZED, "LOGIN-2"));
    let same = acme.http.patch(format!("https://{NEW}{path}")).bearer_auth(&acme.ada_key.1);
    assert_eq!(status(same.json(&rename(NEW))).await, StatusCode::NO_CONTENT, "no change");
}

#[tokio::test]
async fn only_an_administrator_changes_it_and_only_to_a_free_name_of_the_region() {
    let acme = acme().await;
    let path = of_tenant(&acme);
    acme.world.add_tenant(NewTenant::new("globex", "eu"));
    for bad in
        ["globex.eu.qlikcloud.com", "acme.us.qlikcloud.com", "a.b.eu.qlikcloud.com", "acme.example", ""]
    {
        let (refused, body) = send(acme.ada(Method::PATCH, &path).json(&rename(bad))).await;
        assert_eq!(refused, StatusCode::BAD_REQUEST, "{bad}");
        assert_eq!(body["errors"][0]["source"]["pointer"], "/hostnames/1");
    }
    for wrong in [
        json!([{"op": "replace", "path": "/hostnames/0", "value": NEW}]),
        json!([{"op": "remove", "path": "/hostnames/1", "value": null}]),
        json!([{"op": "replace", "path": "/name", "value": "A"}, {"op": "replace", "path": "/name", "value": 1}]),
    ] {
        assert_eq!(status(acme.ada(Method::PATCH, &path).json(&wrong)).await, StatusCode::BAD_REQUEST);
    }
    let (_, bea) = acme.user_with_key("bea@acme.example");
    let hers = acme.ask(Method::PATCH, &path).bearer_auth(bea).json(&rename(NEW));
    assert_eq!(status(hers).await, StatusCode::FORBIDDEN);
    let elsewhere = acme.ada(Method::PATCH, "/api/v1/tenants/other").json(&rename(NEW));
    assert_eq!(status(elsewhere).await, StatusCode::NOT_FOUND);
    let (_, body) = send(acme.ada(Method::GET, &path)).await;
    assert_eq!((&body["hostnames"][1], &body["name"]), (&json!(HOST), &json!("acme")), "all or nothing");
}

/// The same call to everything that a tenant serves, with whatever credential there is.
async fn everything(acme: &Acme, jar: &str, jwt: &str, expected: &str) {
    let url = |path: &str| format!("https://{HOST}{path}");
    let app = NewApp { name: "Sales".into(), owner: acme.ada.id.clone(), ..NewApp::default() };
    let app = format!("/app/{}", acme.world.add_app(&acme.tenant, app));
    let form = [("grant_type", "client_credentials"), ("client_id", "x"), ("client_secret", "y")];
    for (what, request) in [
        ("a good key", acme.ada(Method::GET, "/api/v1/users/me")),
        ("no key", acme.ask(Method::GET, "/api/v1/items")),
        ("a bad key", acme.ask(Method::GET, "/api/v1/items").bearer_auth("junk")),
        ("a session", acme.ask(Method::GET, "/api/v1/items").header("cookie", jar)),
        ("a JWT", acme.ask(Method::POST, "/login/jwt-session").bearer_auth(jwt)),
        ("the login", acme.ask(Method::GET, "/login")),
        ("the callback", acme.ask(Method::GET, "/login/callback?code=x&state=y")),
        ("the end", acme.ask(Method::GET, "/logout")),
        ("OAuth", acme.http.post(url("/oauth/token")).form(&form)),
        ("consent", acme.ask(Method::GET, "/oauth/authorize?client_id=x")),
        ("discovery", acme.ask(Method::GET, "/.well-known/oauth-authorization-server")),
        ("a preflight", acme.ask(Method::OPTIONS, "/api/v1/items")),
        ("a websocket", handshake(acme, &app).bearer_auth(&acme.ada_key.1)),
        ("nothing", acme.ask(Method::GET, "/no/such/path")),
    ] {
        let (status, body) = parts(request.send().await.unwrap()).await;
        assert_eq!((status, code(&body)), (StatusCode::UNAUTHORIZED, expected), "{what}");
    }
}

#[tokio::test]
async fn an_old_alias_answers_every_call_alike_whatever_the_credential() {
    let portal = portal().await;
    let jar = portal.cookies(&claims("s", "s@acme.example", "j1")).await;
    let jwt = portal.signer.sign("kid-1", &claims("s", "s@acme.example", "j2"));
    portal.acme.world.set_alias(&portal.acme.tenant, "acme-new");
    everything(&portal.acme, &jar, &jwt, "LOGIN-2").await;
    let unspent = portal.acme.http.post(format!("https://{NEW}/login/jwt-session")).bearer_auth(jwt);
    assert_eq!(status(unspent).await, StatusCode::OK, "the token was not looked at");
    let still = portal.acme.http.get(format!("https://{NEW}/api/v1/items")).header("cookie", jar);
    assert_eq!(status(still).await, StatusCode::OK, "sessions are the tenant's, not the name's");
}

#[tokio::test]
async fn an_alias_may_be_given_up_wholly_and_taken_by_another_tenant() {
    let acme = acme().await;
    let left = acme.world.remove_alias(&acme.tenant);
    assert_eq!(left.alias_host, left.permanent_host);
    let (_, body) = send(under(&acme, &left.permanent_host, &of_tenant(&acme))).await;
    assert_eq!(body["hostnames"], json!([left.permanent_host]));
    let (_, body) = send(under(&acme, HOST, "/api/v1/users/me")).await;
    assert_eq!(code(&body), "LOGIN-2");
    acme.world.add_tenant(NewTenant::new("acme", "eu"));
    let (refused, body) = send(under(&acme, HOST, "/api/v1/users/me")).await;
    assert_eq!((refused, code(&body)), (StatusCode::UNAUTHORIZED, "HTTP-401"), "another's now");
    let patch = acme.http.patch(format!("https://{}{}", left.permanent_host, of_tenant(&acme)));
    let patch = patch.bearer_auth(&acme.ada_key.1).json(&rename(NEW));
    assert_eq!(status(patch).await, StatusCode::NO_CONTENT, "and a new one be chosen");
}

#[tokio::test]
async fn a_tenant_may_send_its_callers_to_the_permanent_name() {
    let acme = acme().await;
    let permanent = &acme.tenant.permanent_host;
    for status_code in [302, 307, 308] {
        acme.world.redirect_to_permanent(&acme.tenant, Some(status_code));
        let answer = acme.ask(Method::GET, "/api/v1/items?limit=5&sort=-name").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status_code, "whoever asks");
        assert_eq!(location(&answer), format!("https://{permanent}/api/v1/items?limit=5&sort=-name"));
        let new = json!({"description": "d", "expiry": "PT1H"});
        let post = acme.ada(Method::POST, "/api/v1/api-keys").json(&new).send().await.unwrap();
        assert_eq!((post.status().as_u16(), acme.world.keys(&acme.tenant).len()), (status_code, 1));
        let url = location(&post).to_owned();
        assert_eq!(url, format!("https://{permanent}/api/v1/api-keys"));
        let ended = under(&acme, permanent, "/api/v1/items").send().await.unwrap();
        assert_eq!(ended.status(), StatusCode::OK, "not in a circle");
        let login = acme.ask(Method::POST, "/login/jwt-session");
        assert_eq!(status(login).await, StatusCode::UNAUTHORIZED, "the API alone");
    }
    acme.world.redirect_to_permanent(&acme.tenant, None);
    assert_eq!(status(acme.ada(Method::GET, "/api/v1/items")).await, StatusCode::OK);
    acme.world.redirect_all_to_permanent(&acme.tenant, 307);
    let socket = handshake(&acme, "/app/x").bearer_auth(&acme.ada_key.1).send().await.unwrap();
    assert_eq!(location(&socket), format!("https://{permanent}/app/x"));
    let login = acme.ask(Method::POST, "/login/jwt-session").send().await.unwrap();
    assert_eq!((login.status().as_u16(), location(&login).contains(permanent)), (307, true));
}

#[tokio::test]
async fn a_port_that_was_named_is_kept() {
    let acme = acme().await;
    acme.world.redirect_to_permanent(&acme.tenant, Some(308));
    let http = client(&acme.sandbox, true);
    let answer = http.get(format!("https://{HOST}/api/v1/items")).header("host", format!("{HOST}:8443"));
    let answer = answer.send().await.unwrap();
    assert_eq!(location(&answer), format!("https://{}:8443/api/v1/items", acme.tenant.permanent_host));
}

#[tokio::test]
async fn links_may_name_the_permanent_host_whatever_was_asked() {
    let acme = acme().await;
    for n in 0..3 {
        let name = format!("App {n}");
        acme.world.add_app(&acme.tenant, NewApp { name, owner: acme.ada.id.clone(), ..NewApp::default() });
    }
    let host = || async {
        let (_, page) = send(acme.ada(Method::GET, "/api/v1/items?limit=2")).await;
        let next = page["links"]["next"]["href"].as_str().unwrap();
        url::Url::parse(next).unwrap().host_str().unwrap().to_owned()
    };
    assert_eq!(host().await, HOST);
    acme.world.set_permanent_links(&acme.tenant, true);
    assert_eq!(host().await, acme.tenant.permanent_host);
    let me = acme.ada(Method::GET, "/api/v1/users/me").send().await.unwrap();
    let expected = format!("https://{}/api/v1/users/{}", acme.tenant.permanent_host, acme.ada.id);
    assert_eq!(location(&me), expected);
    let (_, found) = send(acme.ask(Method::GET, "/.well-known/oauth-authorization-server")).await;
    assert_eq!(found["issuer"], format!("https://{HOST}"), "the API alone");
}

#[tokio::test]
async fn a_fault_sends_a_call_to_another_tenant_or_a_stranger_and_shows_who_follows() {
    let acme = acme().await;
    let globex = acme.world.add_tenant(NewTenant::new("globex", "us"));
    for host in [globex.alias_host.as_str(), "evil.example", HOST] {
        acme.world.clear_faults();
        acme.world.add_fault(Fault::new("/api/", Effect::elsewhere(host, 307)));
        let post = acme.ada(Method::POST, "/api/v1/api-keys?x=1").json(&json!({"description": "d"}));
        let answer = post.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(location(&answer), format!("https://{host}/api/v1/api-keys?x=1"));
        assert_eq!(acme.world.keys(&acme.tenant).len(), 1, "nothing took place");
    }
    acme.world.clear_faults();
    under(&acme, "evil.example", "/api/v1/api-keys").send().await.unwrap();
    let followed: Vec<_> =
        acme.world.log().into_iter().filter(|entry| entry.host == "evil.example").collect();
    assert_eq!(followed.len(), 1);
    assert!(followed[0].headers.contains(&"authorization".to_owned()), "who follows is seen, key and all");
}

#[tokio::test]
async fn names_and_redirects_are_changed_from_outside() {
    let acme = acme().await;
    let path = format!("/tenants/{}", acme.tenant.id);
    let change = |body: Value| control(&acme.sandbox, Method::PATCH, &path, Some(body));
    let asked = || async { acme.ada(Method::GET, "/api/v1/items").send().await.unwrap().status().as_u16() };
    assert_eq!(
        change(json!({"redirect_to_permanent": 308, "permanent_links": true})).await.0,
        StatusCode::OK
    );
    assert_eq!(asked().await, 308);
    assert_eq!(status(acme.ask(Method::GET, "/login")).await, StatusCode::FOUND);
    assert_eq!(change(json!({"redirects_all": true})).await.0, StatusCode::OK);
    assert_eq!(acme.ask(Method::GET, "/login").send().await.unwrap().status().as_u16(), 308);
    let (_, state) = control(&acme.sandbox, Method::GET, "/state", None).await;
    let seen = &state["tenants"][0];
    assert_eq!(
        (&seen["redirect_to_permanent"], &seen["redirects_all"], &seen["permanent_links"]),
        (&json!(308), &json!(true), &json!(true))
    );
    assert_eq!(change(json!({"redirect_to_permanent": 200})).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(change(json!({"redirect_to_permanent": 0})).await.0, StatusCode::OK);
    assert_eq!(asked().await, 200);
    let (_, renamed) = change(json!({"alias": "acme-new"})).await;
    assert_eq!((renamed["alias_host"].as_str(), asked().await), (Some(NEW), 401));
    let (_, left) = change(json!({"alias": ""})).await;
    assert_eq!(left["alias_host"], acme.tenant.permanent_host);
    let (_, state) = control(&acme.sandbox, Method::GET, "/state", None).await;
    assert_eq!(state["tenants"][0]["alias_host"], Value::Null);
}
