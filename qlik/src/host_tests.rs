use proptest::prelude::*;

use super::*;

fn parse(input: &str) -> Result<String, HostError> {
    TenantHost::parse(input, &HostPolicy::default()).map(|h| h.as_str().to_owned())
}

#[test]
fn every_way_a_person_gives_a_host_gives_the_same_host() {
    for input in [
        "acme.eu.qlikcloud.com",
        "  ACME.eu.QlikCloud.com \n",
        "acme.eu.qlikcloud.com.",
        "https://acme.eu.qlikcloud.com",
        "https://acme.eu.qlikcloud.com/hub/?x=1#y",
        "HTTP://acme.eu.qlikcloud.com/",
        "https://acme.eu.qlikcloud.com:443/console/",
        "acme.eu.qlikcloud.com/sense/app/1?name=caf\u{e9}",
    ] {
        assert_eq!(parse(input).as_deref(), Ok("acme.eu.qlikcloud.com"), "{input:?}");
    }
}

#[test]
fn the_government_cloud_is_qlik_too() {
    assert_eq!(parse("agency.us.qlikcloudgov.com").as_deref(), Ok("agency.us.qlikcloudgov.com"));
}

#[test]
fn each_wrong_input_has_its_own_reason() {
    let not_qlik = |host: &str| HostError::NotQlik { host: host.to_owned() };
    for (input, reason) in [
        ("", HostError::Empty),
        ("   ", HostError::Empty),
        ("https://", HostError::NotAHost),
        ("ftp://acme.eu.qlikcloud.com", HostError::NotAHost),
        ("https://me:secret@acme.eu.qlikcloud.com", HostError::NotAHost),
        ("acme.eu.qlikcloud.com@evil.example", HostError::NotAHost),
        ("acme .eu.qlikcloud.com", HostError::NotAHost),
        ("acme\t.eu.qlikcloud.com", HostError::NotAHost),
        ("acme%2eeu.qlikcloud.com", HostError::NotAHost),
        ("\u{e4}cme.eu.qlikcloud.com", HostError::NotAHost),
        ("acme.eu\u{3002}qlikcloud.com", HostError::NotAHost),
        ("-acme.eu.qlikcloud.com", HostError::NotAHost),
        ("ac_me.eu.qlikcloud.com", HostError::NotAHost),
        ("acme..eu.qlikcloud.com", HostError::NotAHost),
        ("acme.eu.qlikcloud.com:8443", HostError::HasPort),
        ("127.0.0.1", HostError::IpAddress),
        ("https://0x7f.1/", HostError::IpAddress),
        ("[::1]", HostError::IpAddress),
        ("2130706433", HostError::IpAddress),
        ("localhost", not_qlik("localhost")),
        ("qlikcloud.com", not_qlik("qlikcloud.com")),
        ("eu.qlikcloud.com", not_qlik("eu.qlikcloud.com")),
        ("acme.eu.qlikcloud.com.evil.example", not_qlik("acme.eu.qlikcloud.com.evil.example")),
        ("acme.eu.notqlikcloud.com", not_qlik("acme.eu.notqlikcloud.com")),
        ("evil.example/acme.eu.qlikcloud.com", not_qlik("evil.example")),
        ("evil.example\\.acme.eu.qlikcloud.com", not_qlik("evil.example")),
        ("evil.example?.acme.eu.qlikcloud.com", not_qlik("evil.example")),
    ] {
        assert_eq!(parse(input), Err(reason), "{input:?}");
    }
    assert_eq!(parse(&"a".repeat(3000)), Err(HostError::TooLong));
    assert_eq!(parse(&format!("{}eu.qlikcloud.com", "a.".repeat(130))), Err(HostError::TooLong));
}

#[test]
fn an_operator_can_allow_exact_hosts_and_suffixes_but_no_addresses() {
    let policy = HostPolicy { extra: vec!["Qlik.corp.example".into(), "*.lab.example".into()] };
    let ok = |input: &str| TenantHost::parse(input, &policy).is_ok();
    assert!(ok("qlik.corp.example"));
    assert!(ok("a.b.lab.example"));
    assert!(ok("acme.eu.qlikcloud.com"));
    assert!(!ok("other.corp.example"));
    assert!(!ok("lab.example"));
    assert!(!ok("evillab.example"));
    let addresses = HostPolicy { extra: vec!["10.0.0.1".into(), "*.0.0.1".into()] };
    assert_eq!(TenantHost::parse("10.0.0.1", &addresses), Err(HostError::IpAddress));
}

#[test]
fn addresses_are_built_on_the_host() {
    let host: TenantHost = "acme.eu.qlikcloud.com".parse().unwrap();
    assert_eq!(host.origin(), "https://acme.eu.qlikcloud.com");
    assert_eq!(host.url("/api/v1/items"), "https://acme.eu.qlikcloud.com/api/v1/items");
    assert_eq!(host.url("login"), "https://acme.eu.qlikcloud.com/login");
    assert_eq!(host.console_url(ConsolePage::Web), "https://acme.eu.qlikcloud.com/console/web-integrations");
    assert_eq!(host.console_url(ConsolePage::ApiKeys), "https://acme.eu.qlikcloud.com/settings/api-keys");
}

#[test]
fn a_host_is_a_plain_string_in_json_and_its_form_is_checked_when_read() {
    let host: TenantHost = "acme.eu.qlikcloud.com".parse().unwrap();
    let json = serde_json::to_string(&host).unwrap();
    assert_eq!(json, r#""acme.eu.qlikcloud.com""#);
    assert_eq!(serde_json::from_str::<TenantHost>(&json).unwrap(), host);
    assert!(serde_json::from_str::<TenantHost>(r#""qlik.corp.example""#).is_ok());
    for bad in [r#""https://acme.eu.qlikcloud.com""#, r#""""#, r#""a b""#, r#""10.0.0.1""#, r#""A.example""#]
    {
        assert!(serde_json::from_str::<TenantHost>(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_input_yields_a_host_outside_the_policy(input in ".{0,80}") {
        if let Ok(host) = TenantHost::parse(&input, &HostPolicy::default()) {
            prop_assert!(host.as_str().ends_with(".qlikcloud.com") || host.as_str().ends_with(".qlikcloudgov.com"));
        }
    }

    #[test]
    fn no_disguise_yields_a_host_outside_the_policy(
        before in r"[a-zA-Z0-9.:@/\\?#%\[\] -]{0,30}",
        host in "[a-z]{1,9}\\.eu\\.qlikcloud\\.com",
        after in r"[a-zA-Z0-9.:@/\\?#%\[\] -]{0,30}",
    ) {
        if let Ok(found) = TenantHost::parse(&format!("{before}{host}{after}"), &HostPolicy::default()) {
            // The parsed URL of the result goes to the host that was accepted.
            let url = Url::parse(&found.url("/api")).unwrap();
            prop_assert_eq!(url.host_str(), Some(found.as_str()));
            prop_assert!(found.as_str().ends_with(".qlikcloud.com"));
        }
    }

    #[test]
    fn parsing_a_parsed_host_changes_nothing(host in "[a-z0-9]{1,20}\\.[a-z]{2}\\.qlikcloud\\.com") {
        prop_assert_eq!(parse(&host), Ok(host));
    }
}
