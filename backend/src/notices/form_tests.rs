use super::*;

fn input() -> MailInput {
    MailInput {
        host: "smtp.acme.example".into(),
        port: "587".into(),
        security: "starttls".into(),
        user: "qonduit".into(),
        password: Some("canary".to_owned().into()),
        from: "Qonduit <qonduit@acme.example>".into(),
        to: "ada@acme.example, bo@acme.example\n".into(),
    }
}

fn codes(input: &MailInput) -> Vec<(&'static str, &'static str)> {
    let stored = StoredLogin { host: "smtp.acme.example", user: "qonduit" };
    mail(input, Some(&stored)).err().unwrap_or_default().iter().map(|f| (f.field, f.code)).collect()
}

#[test]
fn a_form_that_is_right_is_read() {
    let read = mail(&input(), None).unwrap().unwrap();
    assert_eq!((read.port, read.security), (587, Security::StartTls));
    assert_eq!(read.to, "ada@acme.example\nbo@acme.example");
    assert!(mail(&MailInput::default(), None).unwrap().is_none(), "an empty host is no mail");
}

#[test]
fn each_field_that_is_wrong_is_told_alone() {
    type Spoil = fn(&mut MailInput);
    let table: &[(Spoil, &str, &str)] = &[
        (|i| i.host = "smtp acme".into(), "smtp_host", "not_a_mail_host"),
        (|i| i.port = "0".into(), "smtp_port", "not_a_port"),
        (|i| i.port = "70000".into(), "smtp_port", "not_a_port"),
        (|i| i.security = "ssl".into(), "smtp_security", "required"),
        (|i| i.security = "none".into(), "smtp_security", "only_this_machine"),
        (|i| i.user = " ".into(), "smtp_user", "required"),
        (|i| i.from = String::new(), "mail_from", "required"),
        (|i| i.from = "nobody".into(), "mail_from", "not_an_email"),
        (|i| i.from = "a@b.example\r\nBcc: c@d.example".into(), "mail_from", "not_an_email"),
        (|i| i.from = "Acme \u{202e}tiduq <q@acme.example>".into(), "mail_from", "control_characters"),
        (|i| i.to = "ada@acme.example bo".into(), "mail_to", "not_an_email"),
        (|i| i.to = "a\u{202e}da@acme.example".into(), "mail_to", "not_an_email"),
        (|i| i.to = "a@b.example,".repeat(21), "mail_to", "too_many"),
    ];
    for (spoil, field, code) in table {
        let mut i = input();
        spoil(&mut i);
        assert_eq!(codes(&i), [(*field, *code)]);
    }
}

#[test]
fn a_blank_password_is_kept_for_its_own_account_and_server_alone() {
    let blank = || MailInput { password: None, ..input() };
    assert!(codes(&blank()).is_empty());
    assert_eq!(
        codes(&MailInput { host: "evil.example".into(), ..blank() }),
        [("smtp_password", "other_server")]
    );
    assert_eq!(codes(&MailInput { user: "other".into(), ..blank() }), [("smtp_password", "other_server")]);
    assert_eq!(mail(&blank(), None).unwrap_err()[0].code, "required");
}

#[test]
fn no_encryption_is_for_this_machine_alone() {
    for host in ["127.0.0.1", "localhost", "[::1]", "::1"] {
        assert!(
            codes(&MailInput { host: host.into(), security: "none".into(), ..input() }).is_empty(),
            "{host}"
        );
    }
}

#[test]
fn a_webhook_goes_over_https_or_to_a_loopback_that_the_operator_named() {
    let hosts = ["127.0.0.1".to_owned(), "hooks.acme.lan".to_owned()];
    for (url, code) in [
        ("https://hooks.example/a?b=c", None),
        ("http://127.0.0.1:9/x", None),
        ("http://localhost/x", Some("not_https")),
        ("http://hooks.acme.lan/x", Some("not_https")),
        ("http://hooks.example/x", Some("not_https")),
        ("https://user:pw@hooks.example/", Some("has_password")),
        ("ftp://hooks.example/", Some("not_a_url")),
        ("hooks.example", Some("not_a_url")),
        ("file:///etc/passwd", Some("not_a_url")),
    ] {
        let read = webhook(&WebhookInput { url: url.into(), new_secret: false }, &hosts);
        assert_eq!(read.err().map(|e| e[0].code), code, "{url}");
    }
}

#[test]
fn a_repetition_is_of_an_hour_to_a_week() {
    for (hours, taken) in
        [("1", true), (" 6 ", true), ("168", true), ("0", false), ("169", false), ("", false)]
    {
        let input = RulesInput { renewed: false, repeat_hours: hours.into() };
        assert_eq!(repeat_hours(&input).is_ok(), taken, "{hours:?}");
    }
}

#[test]
fn debug_shows_no_password() {
    assert!(!format!("{:?}", input()).contains("canary"));
}
