use proptest::prelude::*;

use super::super::controls::{Kind, Method};
use super::super::fields;
use super::*;

fn read(html: &str) -> Page {
    Page::read(html.as_bytes())
}

/// Names and kinds of the first form's controls.
fn first(html: &str) -> Vec<(String, Kind)> {
    let page = read(html);
    page.forms.first().map_or(Vec::new(), |f| f.controls.iter().map(|c| (c.name.clone(), c.kind)).collect())
}

#[test]
fn what_only_looks_like_a_form_is_none() {
    let form = "<form method=post><input type=password name=p></form>";
    for html in [
        format!("<!-- {form} -->"),
        format!("<script>var a = '{form}'</script>"),
        format!("<style>{form}</style>"),
        format!("<textarea>{form}</textarea>"),
        format!("<title>{form}</title>"),
        format!("<iframe>{form}</iframe>"),
        format!("<template>{form}</template>"),
        format!("<template><template></template>{form}</template>"),
        format!("<p title='{form}'>"),
    ] {
        assert!(read(&html).forms.is_empty(), "{html}");
    }
    for html in
        [format!("<noscript>{form}</noscript>"), format!("<script>x</script>{form}"), form.to_uppercase()]
    {
        assert_eq!(read(&html).forms.len(), 1, "{html}");
    }
}

#[test]
fn controls_belong_to_the_form_that_is_open_or_that_they_name() {
    let html = r"<form id=a><div><input name=1><form id=b><input name=2></div></form><input name=3><input name=4 form=a>
        <input name=5 form=none><button form=a name=6>";
    let page = read(html);
    assert_eq!(page.forms.len(), 1, "a form inside another is none");
    let names = |controls: &[Control]| controls.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&page.forms[0].controls), ["1", "2", "4", "6"]);
    assert_eq!(names(&page.loose), ["3", "5"]);
}

#[test]
fn values_are_read_as_a_browser_reads_them() {
    let html = r#"<form><input type=hidden name=a value="x&amp;y&#39;&quot;&eacute;"><textarea name=b>1 &lt; 2</textarea>
        <select name=c><option value=1><option value=2 selected></select><select name=d><option value=3><option value=4></select>
        <input type=checkbox name=e><input type=checkbox name=f checked><input name=g disabled value=7><input name=a value=twice>
        <button name=h value=8><input type=submit name=i value=9></form>"#;
    let page = read(html);
    assert_eq!(page.forms[0].query(&[]), "a=x%26y%27%22%C3%A9&b=1+%3C+2&c=2&d=3&f=on&a=twice&h=8");
}

#[test]
fn kinds_are_told_by_the_type_alone() {
    use Kind as K;
    let html = "<form><input name=a><input name=b type=TEXT><input name=c type=nonsense><input name=d type=' Password '>
        <input name=e type=email><button name=f><button name=g type=button><button name=h type=reset><input name=i type=image>";
    let kinds: Vec<Kind> = first(html).into_iter().map(|(_, kind)| kind).collect();
    let wanted = [K::Text, K::Text, K::Text, K::Password, K::Email, K::Submit, K::Inert, K::Inert, K::Submit];
    assert_eq!(kinds, wanted);
}

#[test]
fn the_first_button_says_where_and_how_if_it_says_so() {
    let base = url::Url::parse("https://login.qlik.com/a/b?c=d").unwrap();
    let target = |html: &str| {
        let page = read(html);
        (page.forms[0].target(&base).unwrap().to_string(), page.forms[0].method() == Method::Post)
    };
    assert_eq!(target("<form>"), ("https://login.qlik.com/a/b?c=d".into(), false));
    assert_eq!(target("<form action='x#y' method=POST>"), ("https://login.qlik.com/a/x".into(), true));
    let html = "<form action=x><button type=button formaction=n></button><button formaction=/y formmethod=post></button><button formaction=z>";
    assert_eq!(target(html), ("https://login.qlik.com/y".into(), true));
}

#[test]
fn signs_count_where_they_can_be_seen() {
    let marks = |html: &str| {
        let marks = read(html).marks;
        (marks.captcha, marks.one_time_code, marks.alert)
    };
    for html in [
        "<div class=g-recaptcha data-sitekey=x>",
        "<div id=ulp-auth0-captcha><p>Prove it</p>",
        "<div class='captcha-container'><img src=x>",
        "<div class='cf-turnstile'>",
        "<iframe src='https://hcaptcha.com/x'></iframe>",
        "<input name=captcha>",
        "<div data-captcha-provider=x>",
    ] {
        assert_eq!(marks(html), (true, false, false), "{html}");
    }
    for html in [
        "<input autocomplete='one-time-code' name=x>",
        "<input name=otp>",
        "<input id=mfa-code>",
        "<input name='totp_passcode'>",
        "<input name=code inputmode=numeric>",
        "<input name=code maxlength=6>",
    ] {
        assert_eq!(marks(html), (false, true, false), "{html}");
    }
    for html in [
        "<div role=alert>x</div>",
        "<p class='ulp-input-error'><b>x</b></p>",
        "<div id=error>x",
        "<input aria-invalid=true>",
    ] {
        assert_eq!(marks(html), (false, false, true), "{html}");
    }
    for html in [
        "<div role=alert> </div>x",
        "<div role=alert hidden>x</div>",
        "<div class=captcha style='display: none'>",
        "<script src=recaptcha.js></script>",
        "<div class='captcha-container form-group'></div><p>x<input name=a>",
        "<input type=hidden name=captcha>",
        "<div class=terror>x</div>",
        "<p>captcha mfa otp error</p>",
        "<input name=code>",
        "<input name=zip inputmode=numeric>",
    ] {
        assert_eq!(marks(html), (false, false, false), "{html}");
    }
    assert_eq!(read("<p data-error-code=user-blocked>").marks.codes, ["user-blocked"]);
    assert_eq!(read("<p role=alert id=account-locked>").marks.codes, ["account-locked"]);
    assert!(read("<p hidden data-error-code=user-blocked>").marks.codes.is_empty());
}

#[test]
fn a_refresh_is_followed_only_where_browsers_with_scripts_follow_it() {
    assert_eq!(
        read("<meta http-equiv=Refresh content=\"0; URL='/next?a=b'\">").refresh.as_deref(),
        Some("/next?a=b")
    );
    assert_eq!(read("<meta http-equiv=refresh content='5'>").refresh, None);
    assert_eq!(read("<noscript><meta http-equiv=refresh content='0;url=/nojs'></noscript>").refresh, None);
}

#[test]
fn scripts_and_attributes_with_data_are_kept_whole() {
    let data = "x".repeat(50);
    let page = read(&format!(
        "<script>a<b && '</p>'</script><div data-config=\"{data}\" title=\"{data}\"><script>c</script>"
    ));
    let scripts: Vec<&str> = page.scripts.iter().map(|s| s.as_str()).collect();
    assert_eq!(scripts, ["a<b && '</p>'", data.as_str(), "c"]);
}

proptest! {
    #[test]
    fn no_page_panics(html in prop::collection::vec(
        prop::sample::select(vec![
            "<form ", "</form>", "<input ", "type=password ", "name=p ", "type=hidden ", ">", "<script>", "</script>", "atob('",
            "eyJhIjp7fX0=", "')", "<button ", "form=a ", "id=a ", "<template>", "</template>", "<select name=s>", "<option>",
            "<textarea name=t>", "<!--", "-->", "\"", "'", "é", "\u{0}", "&amp;", "&#0;", "{\"clientID\":", "<base href=//x>", "=",
        ]), 0..40)) {
        let html = html.concat();
        let page = read(&html);
        let base = url::Url::parse("https://login.qlik.com/").unwrap();
        for form in &page.forms {
            drop((form.target(&base), form.query(&[]), form.payload(&[(0, "x")], "b").bytes));
        }
        let _ = (fields::login(&page), fields::identifier_first(&page), fields::passing(&page));
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        drop(Page::read(&bytes).title);
    }
}
