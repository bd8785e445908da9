//! The support bundle: what a helper needs is in it, and no secret that the
//! schema or the process knows, in whatever way it may be written.

mod canaries;

use std::collections::BTreeSet;

use crate::house::{House, days, mins};
use backend::{
    Role,
    apps::AppsQuery,
    integration::SaveInput,
    notices::{Channel, MailInput, WebhookInput},
    onboard::{PlanOutcome, SetUpInput},
    people::NewUser,
    support::{CONTENT, Operator},
    vault::Place,
};
use canaries::{COLUMNS, Canaries, looks_secret, schema};
use sandbox::{Effect, Fault};
use secrecy::ExposeSecret as _;

fn operator() -> Operator {
    Operator {
        listen: "127.0.0.1:3000".parse().unwrap(),
        public_origin: "https://acme.portal.example".to_owned(),
        qlik_resolve: true,
        qlik_ca: true,
        qlik_extra_hosts: Vec::new(),
        notice_hosts: vec!["127.0.0.1".to_owned()],
        renewal_grace_s: 60,
        trusted_proxy: None,
        log_level: Some("info".to_owned()),
    }
}

async fn bundle(h: &House) -> String {
    h.portal.support_bundle(&h.ada, operator()).await.unwrap().json
}

/// A connected portal with something in every place that can hold a secret.
/// Gives the secrets that were typed or shown.
async fn full() -> (House, Canaries) {
    let h = House::connected().await;
    let mut canaries = Canaries::default();
    let mail = MailInput {
        host: "127.0.0.1".to_owned(),
        port: "9".to_owned(),
        security: "none".to_owned(),
        user: "canary-smtp-user".to_owned(),
        password: Some("canary-smtp-password".to_owned().into()),
        from: "Canary Sender <canary-from@acme.example>".to_owned(),
        to: "canary-to@acme.example, second@acme.example".to_owned(),
    };
    h.portal.save_mail(&h.ada, mail).await.unwrap();
    let url = "http://127.0.0.1:9/canary-path?token=canary-query".to_owned();
    let secret =
        h.portal.save_webhook(&h.ada, WebhookInput { url, new_secret: true }).await.unwrap().unwrap();
    for channel in [Channel::Mail, Channel::Webhook] {
        assert!(!h.portal.send_test_notice(&h.ada, channel).await.unwrap().ok, "nobody listens there");
    }
    let new = |n: u32| NewUser {
        email: format!("canary-user-{n}@acme.example"),
        name: format!("Canary Name {n}"),
        role: Role::User,
    };
    let used = h.portal.add_user(&h.ada, new(1)).await.unwrap();
    let unused = h.portal.add_user(&h.ada, new(2)).await.unwrap();
    let password = "canary user password";
    h.portal.accept_invitation(used.token.expose_secret(), password.to_owned().into()).await.unwrap();
    let session = b"canary session id of a browser";
    let until = h.portal.now() + mins(60);
    assert!(h.portal.create_web_session(session, b"canary session data", until).await.unwrap());
    h.portal.my_apps(&h.ada, AppsQuery::default()).await.unwrap();
    let plan =
        SetUpInput { tenant_host: crate::house::HOST.to_owned(), api_key: Some(h.token.clone().into()) };
    assert!(matches!(h.portal.plan_set_up(&h.ada, plan).await.unwrap(), PlanOutcome::Planned));
    // A change that waits, with a key of its own.
    let second = h.world.add_web_integration(&h.tenant, "Second", [crate::house::ORIGIN]);
    let (_, key) = h.world.create_key(&h.qlik_ada, "of the change", days(3));
    let change = SaveInput { web_integration_id: second, api_key: Some(key.clone().into()), ..h.input() };
    assert!(h.portal.save_integration(&h.ada, change).await.unwrap().staged);
    canaries.add("API key of a change", key.as_bytes());
    plant_options(&h, &mut canaries).await;

    for (what, text) in [
        ("API key", h.token.as_str()),
        ("mail account", "canary-smtp-user"),
        ("mail password", "canary-smtp-password"),
        ("mail sender", "canary-from@acme.example"),
        ("mail recipient", "canary-to@acme.example"),
        ("webhook secret", secret.expose_secret()),
        ("webhook path", "canary-path"),
        ("webhook query", "canary-query"),
        ("a person's e-mail", "canary-user-1@acme.example"),
        ("a person's name", "Canary Name 2"),
        ("password", "correct horse battery"),
        ("password of another", password),
        ("used link", used.token.expose_secret()),
        ("unused link", unused.token.expose_secret()),
        ("folder of the database and the keyring", h.portal.dir.path().to_str().unwrap()),
    ] {
        canaries.add(what, text.as_bytes());
    }
    canaries.add("browser session", session);
    canaries.add("browser session data", b"canary session data");
    let ring = std::fs::read_to_string(h.portal.dir.path().join("keyring")).unwrap();
    for line in ring.lines().filter(|line| !line.starts_with('#')) {
        let (_, digits) = line.split_once(':').unwrap();
        canaries.add("keyring", digits.as_bytes());
        canaries.add_hex("keyring", digits);
    }
    for (name, value) in std::env::vars().filter(|(n, v)| n.starts_with("QONDUIT_") && v.len() > 7) {
        canaries.add(&name, value.as_bytes());
    }
    (h, canaries)
}

/// What the other options keep of users and clients, as if they had been in force.
async fn plant_options(h: &House, canaries: &mut Canaries) {
    let (portal, user) = (h.ada.portal.id.as_str(), h.ada.user_id.as_str());
    let mut plant = |table, row: &str, column, secret: &str| {
        canaries.add(column, secret.as_bytes());
        let place = Place { portal, table, row, column };
        h.portal.vault().seal(place, secret.as_bytes()).unwrap()
    };
    let state = [7_u8; 32];
    let secret = plant("oauth_clients", "canary-client", "sealed_secret", "canary client secret");
    let verifier = plant("oauth_connects", &hex::encode(state), "sealed_verifier", "canary verifier");
    let refresh = plant("oauth_grants", user, "sealed_refresh", "canary refresh token");
    let revoked = plant("oauth_revocations", "r1", "sealed_token", "canary revoked token");
    let revoking = plant("oauth_revocations", "r1", "sealed_secret", "canary secret of then");
    let password = plant("qlik_credentials", user, "sealed_password", "canary qlik password");
    let mut tx = h.portal.db().write().await.unwrap();
    for (sql, values) in [
        (
            "INSERT INTO oauth_clients (portal_id, client_id, sealed_secret, fingerprint, set_at)
             VALUES (?1, 'canary-client', ?3, 'f', 1)",
            vec![secret],
        ),
        (
            "INSERT INTO oauth_connects (state_hash, portal_id, user_id, tenant_host, client_id, sealed_verifier, begun_at,
                 expires_at) VALUES (?3, ?1, ?2, 'h', 'c', ?4, 1, 9999999999)",
            vec![state.to_vec(), verifier],
        ),
        (
            "INSERT INTO oauth_grants (user_id, portal_id, tenant_host, client_id, state, sealed_refresh, qlik_user_id,
                 qlik_name, connected_at, refreshed_at, access_until)
             VALUES (?2, ?1, 'h', 'c', 'connected', ?3, 'q', 'n', 1, 1, 1)",
            vec![refresh],
        ),
        (
            "INSERT INTO oauth_revocations (id, portal_id, tenant_host, client_id, sealed_token, sealed_secret, asked_at,
                 next_try_at) VALUES ('r1', ?1, 'h', 'c', ?3, ?4, 1, 9999999999)",
            vec![revoked, revoking],
        ),
        (
            "INSERT INTO qlik_credentials (user_id, portal_id, email, tenant_host, sealed_password, state, refused_hash)
             VALUES (?2, ?1, 'ada@acme.example', 'h', ?3, 'works', 'canary refused hash')",
            vec![password],
        ),
    ] {
        let mut query = sqlx::query(sql).bind(portal).bind(user);
        for value in values {
            query = query.bind(value);
        }
        query.execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn no_secret_of_the_schema_or_the_process_is_in_the_bundle_however_it_is_written() {
    let (h, mut canaries) = Box::pin(full()).await;
    // In the middle of a renewal: the new key is staged, and nothing uses it yet.
    let away =
        Effect::Status { status: 503, code: "TEST-1".to_owned(), title: "on purpose".to_owned(), body: None };
    h.world.add_fault(Fault::new("/api/v1/users/me", away).on("GET").times(4));
    h.advance(days(2) + mins(240));
    h.settle().await;
    canaries.read(&h).await;
    let staged = bundle(&h).await;
    assert!(staged.contains(r#""phase": "staged""#), "{staged}");
    assert_eq!(canaries.found_in(&staged), [""; 0]);
    // After the switch: the old key is on its way out.
    h.world.clear_faults();
    h.advance(mins(2));
    h.settle().await;
    canaries.read(&h).await;
    let retiring = bundle(&h).await;
    assert!(retiring.contains(r#""delete_at""#), "{retiring}");
    assert_eq!(canaries.found_in(&retiring), [""; 0]);
    assert!(canaries.len() > 40, "{} canaries", canaries.len());
}

#[tokio::test]
async fn a_token_that_qlik_repeats_in_its_words_is_not_passed_on() {
    let (h, canaries) = Box::pin(full()).await;
    let title = format!("no such token: {}", h.token);
    let repeats = Effect::Status { status: 418, code: "TEST-2".to_owned(), title, body: None };
    h.world.add_fault(Fault::new("/api/v1/", repeats));
    h.portal.renew_now(&h.ada).await.unwrap();
    h.portal.test_connection(&h.ada).await.unwrap();
    h.portal.check_next_renewal(&h.ada).await.unwrap();
    let bundle = bundle(&h).await;
    assert!(bundle.contains("TEST-2"), "Qlik's code is there: {bundle}");
    assert!(bundle.contains("no such token: [removed]"), "its words came that far: {bundle}");
    assert_eq!(canaries.found_in(&bundle), [""; 0]);
}

#[tokio::test]
async fn every_column_that_may_hold_a_secret_is_on_the_list() {
    let h = House::new().await;
    let listed: BTreeSet<(&str, &str)> = COLUMNS.iter().map(|c| (c.table, c.name)).collect();
    let there = schema(&h).await;
    for (table, name, kind) in &there {
        let known = listed.contains(&(table.as_str(), name.as_str()));
        assert!(
            known || !looks_secret(name, kind),
            "{table}.{name} ({kind}) may hold a secret: put it on the list, and something into it in `full`"
        );
    }
    for (table, name) in listed {
        assert!(there.iter().any(|(t, n, _)| t == table && n == name), "{table}.{name} is no more");
    }
    assert!(looks_secret("smtp_sealed_password", "TEXT") && looks_secret("data", "BLOB"));
    assert!(!looks_secret("created_at", "INTEGER"));
}

#[test]
fn the_search_finds_a_secret_in_each_way_of_writing_it() {
    use base64::{Engine, prelude::*};
    let mut canaries = Canaries::default();
    canaries.add("it", "can~ry / secret ü?".as_bytes());
    let secret = "can~ry / secret ü?";
    let bytes = secret.as_bytes();
    let upper = hex::encode_upper(bytes);
    let hidden = [
        secret.to_owned(),
        hex::encode(bytes),
        upper.clone(),
        BASE64_STANDARD.encode(bytes),
        BASE64_STANDARD.encode([b"x", bytes].concat()),
        BASE64_URL_SAFE_NO_PAD.encode([b"xy", bytes, b"z"].concat()),
        "can~ry%20%2F%20secret%20%C3%BC%3F".to_owned(),
        "can%7Ery+%2f+secret+%c3%bc%3f".to_owned(),
        upper.as_bytes().chunks(2).map(|c| ["%", std::str::from_utf8(c).unwrap()].concat()).collect(),
    ];
    for text in hidden {
        let json = serde_json::json!({ "a": [text] }).to_string();
        assert_eq!(canaries.found_in(&json), ["it"], "{json}");
    }
    let numbers = serde_json::to_string_pretty(&serde_json::json!({ "a": bytes })).unwrap();
    assert_eq!(canaries.found_in(&numbers), ["it"]);
    let escaped = format!(r#"{{"a":"\u0063an~ry / secret {}?"}}"#, "\\u00fc");
    assert_eq!(canaries.found_in(&escaped), ["it"]);
    assert_eq!(canaries.found_in(r#"{"a":"nothing"}"#), [""; 0]);
}

#[tokio::test]
async fn a_helper_finds_what_they_need() {
    let (h, _) = Box::pin(full()).await;
    h.advance(days(2) + mins(240));
    h.settle().await;
    let made = h.portal.support_bundle(&h.ada, operator()).await.unwrap();
    assert_eq!(made.file_name, "qonduit-support-acme.portal.example-2026-11-26T160000Z.json");
    let it: serde_json::Value = serde_json::from_str(&made.json).unwrap();
    // What the page says is in it is what is in it, in that order.
    let mut rest = made.json.as_str();
    for (part, _) in CONTENT {
        let at =
            rest.find(&format!("\n  \"{part}\": ")).unwrap_or_else(|| panic!("no {part}, or out of order"));
        rest = &rest[at + 1..];
    }
    assert_eq!(it.as_object().unwrap().len(), CONTENT.len());

    let status = h.status().await;
    assert_eq!(it["product"]["version"], "test");
    assert!(it["database"]["schema_version"].as_i64().unwrap() >= 3);
    assert_eq!(it["operator"]["log_level"], "info");
    let integration = &it["integration"];
    assert_eq!(integration["tenant_host"], "acme.eu.qlikcloud.com");
    assert_eq!(integration["permanent_host"], status.permanent_host);
    assert_eq!(integration["web_integration_id"], h.web);
    assert_eq!(integration["option"], "api_key");
    let key = &integration["key"];
    assert_eq!(
        (&key["id"], &key["fingerprint"]),
        (&status.key.key_id.into(), &status.key.fingerprint.into())
    );
    assert_eq!(key["owner_email"], "ada@acme.example");
    assert_eq!(
        it["checks"]["checks"].as_array().unwrap().len(),
        backend::doctor::ids(backend::connection::AuthOption::ApiKey).count()
    );
    assert_eq!(it["renewal"]["phase"], "active");
    assert_eq!(it["attempts"][0]["outcome"], "renewed");
    assert!(it["attempts"][0]["steps"].as_array().unwrap().len() > 2);
    let notices = &it["notices"];
    assert_eq!(notices["mail"]["server"], "127.0.0.1");
    assert_eq!(
        (&notices["mail"]["recipients"], &notices["webhook"]["host"]),
        (&2.into(), &"127.0.0.1".into())
    );
    assert_eq!(notices["deliveries"].as_array().unwrap().len(), 2);
    assert!(notices["deliveries"][0]["error"].as_str().unwrap().contains("127.0.0.1"));
    assert_eq!(it["identity_providers"][0]["signs_now"], true);
    let counts = it["users"].as_array().unwrap();
    assert_eq!(counts.iter().map(|u| u["count"].as_i64().unwrap()).sum::<i64>(), 3);
}

#[tokio::test]
async fn it_is_for_administrators_alone_and_there_before_anything_is_connected() {
    let h = House::new().await;
    let it: serde_json::Value = serde_json::from_str(&bundle(&h).await).unwrap();
    for part in ["integration", "checks", "renewal", "ahead"] {
        assert!(it[part].is_null(), "{part}");
    }
    let user = backend::Actor { role: Role::User, ..h.ada.clone() };
    let refused = h.portal.support_bundle(&user, operator()).await;
    assert!(matches!(refused, Err(backend::Error::NotAllowed)), "{refused:?}");
}
