use super::*;

fn codes(input: &SaveInput, stored: Option<&Connection>) -> Vec<(&'static str, &'static str)> {
    parse(input, &HostPolicy::default(), stored)
        .err()
        .unwrap_or_default()
        .iter()
        .map(|f| (f.field, f.code))
        .collect()
}

/// What is in force at the tenant: the option, with its client.
fn in_force(option: AuthOption, client_id: Option<&str>) -> Connection {
    let host = TenantHost::parse("acme.eu.qlikcloud.com", &HostPolicy::default()).unwrap();
    Connection {
        portal_id: "p".to_owned(),
        permanent_host: host.clone(),
        other_hosts: Vec::new(),
        former_host: None,
        host,
        tenant_id: "t".to_owned(),
        web_integration_id: "abc".to_owned(),
        email_as_subject: false,
        option,
        client_id: client_id.map(str::to_owned),
        login_host: None,
        origin: "https://portal.example".to_owned(),
    }
}

fn input(host: &str, web: &str, key: Option<&str>) -> SaveInput {
    SaveInput {
        tenant_host: host.to_owned(),
        web_integration_id: web.to_owned(),
        auth_option: "api_key".to_owned(),
        api_key: key.map(|k| k.to_owned().into()),
        ..SaveInput::default()
    }
}

#[test]
fn every_field_is_told_at_once() {
    let empty = SaveInput::default();
    assert_eq!(codes(&empty, None), [(HOST, "required"), (WEB, "required"), ("auth_option", "required")]);
    let key = SaveInput { auth_option: "api_key".to_owned(), ..SaveInput::default() };
    assert_eq!(codes(&key, None), [(HOST, "required"), (WEB, "required"), (KEY, "required")]);
    let everyone = SaveInput { auth_option: "oauth_everyone".to_owned(), ..SaveInput::default() };
    assert_eq!(codes(&everyone, None), [(HOST, "required"), (CLIENT, "required"), (SECRET, "required")]);
}

#[test]
fn a_pasted_address_becomes_its_host() {
    let stored = in_force(AuthOption::ApiKey, None);
    let read = parse(
        &input(" https://ACME.eu.qlikcloud.com/hub?x=1 ", " abc ", None),
        &HostPolicy::default(),
        Some(&stored),
    );
    let read = read.unwrap_or_else(|_| panic!("taken"));
    assert_eq!(read.host.as_str(), "acme.eu.qlikcloud.com");
    assert_eq!(read.web_integration_id, "abc");
}

#[test]
fn a_blank_key_is_kept_at_its_own_tenant_alone() {
    let stored = in_force(AuthOption::ApiKey, None);
    assert!(codes(&input("acme.eu.qlikcloud.com", "abc", Some("  ")), Some(&stored)).is_empty());
    assert_eq!(codes(&input("globex.us.qlikcloud.com", "abc", None), Some(&stored)), [(KEY, "other_tenant")]);
    assert_eq!(codes(&input("acme.eu.qlikcloud.com", "abc", None), None), [(KEY, "required")]);
}

#[test]
fn a_blank_key_is_kept_at_every_name_of_its_tenant() {
    let host = |name: &str| TenantHost::parse(name, &HostPolicy::default()).unwrap();
    let stored = Connection {
        permanent_host: host("qlkabc.eu.qlikcloud.com"),
        other_hosts: vec![host("acme-new.eu.qlikcloud.com")],
        ..in_force(AuthOption::ApiKey, None)
    };
    for name in ["acme.eu.qlikcloud.com", "qlkabc.eu.qlikcloud.com", "ACME-new.eu.qlikcloud.com"] {
        assert!(codes(&input(name, "abc", None), Some(&stored)).is_empty(), "{name}");
    }
}

#[test]
fn a_host_that_is_none_of_qliks_is_refused() {
    for (host, code) in
        [("127.0.0.1", "ip_address"), ("example.com", "not_qlik"), ("acme.eu.qlikcloud.com:8443", "has_port")]
    {
        assert_eq!(codes(&input(host, "abc", None), None)[0], (HOST, code), "{host}");
    }
}

#[test]
fn a_key_of_another_option_is_not_there_to_be_kept() {
    let stored = in_force(AuthOption::Credentials, None);
    assert_eq!(codes(&input("acme.eu.qlikcloud.com", "abc", None), Some(&stored)), [(KEY, "required")]);
}

#[test]
fn a_blank_secret_is_kept_for_its_own_client_at_its_own_tenant_alone() {
    let stored = in_force(AuthOption::OauthEveryone, Some("c1"));
    let typed = |option: &str, host: &str, client: &str| SaveInput {
        tenant_host: host.to_owned(),
        auth_option: option.to_owned(),
        oauth_client_id: client.to_owned(),
        ..SaveInput::default()
    };
    let (here, there) = ("acme.eu.qlikcloud.com", "globex.us.qlikcloud.com");
    assert!(codes(&typed("oauth_everyone", here, "c1"), Some(&stored)).is_empty());
    assert_eq!(codes(&typed("oauth_everyone", here, "c2"), Some(&stored)), [(SECRET, "other_client")]);
    assert_eq!(codes(&typed("oauth_everyone", there, "c1"), Some(&stored)), [(SECRET, "other_client")]);
    assert_eq!(codes(&typed("oauth_everyone", here, "c1"), None), [(SECRET, "required")]);
    // A public client has none.
    assert!(codes(&typed("oauth_users", here, "c2"), Some(&stored)).is_empty());
    assert_eq!(codes(&typed("oauth_users", here, "two words"), None), [(CLIENT, "not_a_client_id")]);
}

#[test]
fn credentials_need_the_tenant_and_the_web_integration_alone() {
    let typed =
        SaveInput { auth_option: "credentials".to_owned(), ..input("acme.eu.qlikcloud.com", "abc", None) };
    assert!(codes(&typed, None).is_empty());
}

#[test]
fn debug_shows_no_key() {
    let typed = input("acme.eu.qlikcloud.com", "abc", Some("canary"));
    assert!(!format!("{typed:?}").contains("canary"));
}
