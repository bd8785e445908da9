use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn page() -> Url {
    Url::parse("https://login.qlik.com/login?state=fromquery&client=c2&protocol=oauth2&nonce=nq").unwrap()
}

fn found(script: &str) -> Option<Value> {
    let settings =
        Settings::find(&[Zeroizing::new("var a = {};".into()), Zeroizing::new(script.into())], &page())?;
    Some(serde_json::from_slice(&settings.payload("ada", "p\"w").unwrap().bytes).unwrap())
}

fn settings() -> Value {
    json!({"clientID": "c1", "auth0Tenant": "qlik", "callbackURL": "https://x/cb",
        "extraParams": {"state": "s1", "_csrf": "k", "scope": "a b"}, "internalOptions": {"custom": true}})
}

#[test]
fn settings_are_found_however_a_script_holds_them() {
    let json = settings().to_string();
    let base64 = BASE64.encode(&json);
    for script in [
        format!("window.atob('{base64}')"),
        format!("var c = JSON.parse(decodeURIComponent(escape(window.atob( \"{base64}\" ))))"),
        format!("x(atob(`{}`))", URL_SAFE_NO_PAD.encode(&json)),
        format!("atob('bm90IGl0'); atob('{base64}')"),
        format!("var config = {json};"),
        format!("init({json})"),
        format!("var x = {{a: 1}}; y = {{\"page\": {{\"config\": {json}}}}}"),
        format!("JSON.parse('{json}')"),
        json.clone(),
        base64,
    ] {
        let sent = found(&script).unwrap_or_else(|| panic!("{script}"));
        assert_eq!(
            sent,
            json!({"client_id": "c1", "tenant": "qlik", "redirect_uri": "https://x/cb", "state": "s1", "_csrf": "k",
                "scope": "a b", "custom": true, "connection": "Username-Password-Authentication", "protocol": "oauth2",
                "nonce": "nq", "username": "ada", "password": "p\"w"}),
            "{script}"
        );
    }
}

#[test]
fn what_the_script_leaves_out_is_in_the_pages_query_and_without_state_or_client_nothing_is_sent() {
    let mut bare = settings();
    bare["extraParams"].as_object_mut().unwrap().remove("state");
    bare["connection"] = json!("Qlik-Users");
    let sent = found(&format!("c = {bare}")).unwrap();
    assert_eq!((&sent["state"], &sent["connection"]), (&json!("fromquery"), &json!("Qlik-Users")));
    let nowhere = Url::parse("https://login.qlik.com/login").unwrap();
    assert!(Settings::find(&[Zeroizing::new(bare.to_string())], &nowhere).is_none());
}

#[test]
fn other_scripts_hold_no_settings() {
    for script in [
        "",
        "atob(",
        "atob('')",
        "atob('%%%%%%%%%%%%%%%%%%%%')",
        "var config = {",
        "{\"clientID\":\"x\"}",
        "[1]",
    ] {
        assert!(found(script).is_none(), "{script}");
    }
}

#[test]
fn a_settings_own_password_or_name_is_not_sent() {
    let mut odd = settings();
    odd["extraParams"]["password"] = json!("theirs");
    odd["internalOptions"]["username"] = json!("theirs");
    let sent = found(&odd.to_string()).unwrap();
    assert_eq!((&sent["username"], &sent["password"]), (&json!("ada"), &json!("p\"w")));
}

proptest! {
    #[test]
    fn no_script_panics(script in prop::collection::vec(prop::sample::select(vec![
        "atob(", "'", "\"", "`", "eyJjbGllbnRJRCI6IngifQ==", "JSON.parse(", "{", "}", "=", ":", "\"clientID\"", "é", " ", "\\",
    ]), 0..30)) {
        drop(found(&script.concat()));
    }
}
