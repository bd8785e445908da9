//! Whatever servers answer: the password goes out once at most, and only to where it
//! may go.

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use zeroize::Zeroizing;

use super::super::OPERATION;
use super::*;
use crate::links::Aliases;

const SECRET: &str = "hush-hush";
const EMAIL: &str = "ada@acme.example";

fn answer(status: u16, location: Option<&str>, cookie: bool, body: &str) -> Answer {
    let mut headers = HeaderMap::new();
    if let Some(value) = location.and_then(|l| HeaderValue::from_str(l).ok()) {
        headers.insert(header::LOCATION, value);
    }
    if cookie {
        headers.insert(header::SET_COOKIE, HeaderValue::from_static("a=b; Path=/"));
    }
    let body = Body::Whole(Zeroizing::new(body.as_bytes().to_vec()));
    Answer {
        operation: OPERATION,
        status: StatusCode::from_u16(status).unwrap(),
        headers,
        body,
        retry_after: None,
    }
}

/// Plays the answers one after the other, again and again, and gives what was asked.
fn play(answers: &[Answer]) -> (Vec<Ask>, Move) {
    let tenant = "acme.eu.qlikcloud.com".parse().unwrap();
    let (aliases, password) = (Aliases::default(), AccountPassword::new(SECRET));
    let login_hosts = ["login.example".to_owned()];
    let places = Places {
        tenant: &tenant,
        permanent: None,
        aliases: &aliases,
        login_hosts: &login_hosts,
        learned: None,
    };
    let return_to = Url::parse("https://portal.example/back").unwrap();
    let mut walk = Walk::new(places, EMAIL, Some(&password), return_to, "boundary".to_owned());
    let mut next = walk.start(Url::parse("https://acme.eu.qlikcloud.com/login").unwrap());
    let mut asked = Vec::new();
    for answer in answers.iter().cycle() {
        match next {
            Move::Ask(ask) => {
                let url = ask.url.clone();
                asked.push(ask);
                next = walk.next(&url, answer);
            }
            end => return (asked, end),
        }
    }
    (asked, next)
}

fn holds(ask: &Ask, text: &str) -> bool {
    let in_body = ask.payload.as_ref().is_some_and(|p| String::from_utf8_lossy(&p.bytes).contains(text));
    in_body || ask.url.as_str().contains(text) || ask.origin.as_deref().is_some_and(|o| o.contains(text))
}

fn check(asked: &[Ask], end: &Move) -> Result<(), TestCaseError> {
    let with_password: Vec<&Ask> = asked.iter().filter(|ask| holds(ask, SECRET)).collect();
    prop_assert!(with_password.len() <= 1, "sent {} times", with_password.len());
    for ask in &with_password {
        prop_assert!(ask.holds_password);
        prop_assert!(!ask.url.as_str().contains(SECRET));
        prop_assert!(["login.qlik.com", "login.example"].contains(&ask.host.as_str()));
    }
    for ask in asked {
        prop_assert_eq!(ask.url.scheme(), "https");
        prop_assert_eq!(ask.url.host_str(), Some(ask.host.as_str()));
        prop_assert_eq!(ask.url.port(), None);
        // The last one is another name that the tenant may give itself.
        let tenants = ["acme.eu.qlikcloud.com", "globex.eu.qlikcloud.com"];
        let allowed = [&tenants[..], &["login.qlik.com", "login.example"]].concat();
        prop_assert!(allowed.contains(&ask.host.as_str()));
        if tenants.contains(&ask.host.as_str()) {
            prop_assert!(!holds(ask, "ada%40") && !holds(ask, EMAIL));
        }
    }
    prop_assert!(asked.len() <= MAX_STEPS);
    match end {
        Move::End(error) => {
            prop_assert_eq!(error.password_sent(), !with_password.is_empty());
            let shown = format!("{error} {error:?}");
            prop_assert!(!shown.contains(SECRET) && !shown.contains("ada@"));
        }
        Move::Arrived { hosts, .. } => {
            let tenants = ["acme.eu.qlikcloud.com", "globex.eu.qlikcloud.com"];
            prop_assert!(!hosts.is_empty() && hosts.iter().all(|host| tenants.contains(&host.as_str())));
            prop_assert_eq!(with_password.len(), 1);
        }
        Move::Ask(_) | Move::AtLogin(_) => prop_assert!(false, "no end"),
    }
    Ok(())
}

const ADDRESSES: [&str; 16] = [
    "https://login.qlik.com/login?state=1&client=c",
    "https://login.example/u/login",
    "https://acme.eu.qlikcloud.com/login/callback?code=1",
    "https://acme.eu.qlikcloud.com/login",
    "https://portal.example/back",
    "https://evil.example/",
    "http://login.qlik.com/",
    "https://login.qlik.com:8443/",
    "https://login.qlik.com@evil.example/",
    "https://login.qlik.com.evil.example/",
    "//evil.example/x",
    "\\\\evil.example\\x",
    "/u/login",
    "?x=1",
    "javascript:alert(1)",
    "https://globex.eu.qlikcloud.com/",
];

const PIECES: [&str; 24] = [
    "<input type=hidden name=state value=s>",
    "<input name=username>",
    "<input name=email type=email>",
    "<input type=password name=password>",
    "<input type=password name=p autocomplete=new-password>",
    "<input name=otp autocomplete=one-time-code>",
    "<button name=action value=default>",
    "<button formaction=https://evil.example/ formmethod=get>",
    "<button formaction=https://login.qlik.com/x formmethod=get>",
    "</form>",
    "<form>",
    "<form method=post>",
    "<form id=f method=post action=/x>",
    "<input form=f type=password name=q>",
    "<base href=https://evil.example/>",
    "<base href=//login.example/>",
    "<script>config={\"clientID\":\"c\",\"extraParams\":{\"state\":\"s\"},\"redirect_uri\":\"https://evil.example\"}</script>",
    "<p role=alert>no</p>",
    "<div class=g-recaptcha></div>",
    "<p data-error-code=user-blocked>",
    "<template>",
    "<noscript>",
    "hello ada@acme.example",
    "<body onload=submit()>",
];

fn page() -> impl Strategy<Value = String> {
    let action =
        prop::sample::select(ADDRESSES.to_vec()).prop_map(|a| format!("<form method=post action='{a}'>"));
    let refresh = prop::sample::select(ADDRESSES.to_vec())
        .prop_map(|a| format!("<meta http-equiv=refresh content='0;url={a}'>"));
    let piece = prop::sample::select(PIECES.to_vec()).prop_map(str::to_owned);
    prop::collection::vec(prop_oneof![3 => action, 1 => refresh, 12 => piece], 0..9)
        .prop_map(|all| all.concat())
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let json = prop::sample::select(vec![
        "{}",
        "{\"code\":\"invalid_user_password\"}",
        "{\"code\":\"x\"}",
        "[]",
        "\u{0}",
    ]);
    let status = prop::sample::select(vec![200_u16, 200, 200, 200, 204, 400, 401, 403, 429, 500, 302, 307]);
    let redirect =
        (prop::sample::select(vec![301_u16, 302, 303, 307, 308]), prop::sample::select(ADDRESSES.to_vec()));
    prop_oneof![
        5 => (redirect, any::<bool>()).prop_map(|((status, to), cookie)| answer(status, Some(to), cookie, "")),
        8 => (status.clone(), page(), any::<bool>()).prop_map(|(status, page, cookie)| answer(status, None, cookie, &page)),
        1 => (status, json).prop_map(|(status, json)| answer(status, None, false, json)),
    ]
}

/// The way to a login page that takes the password, so that what follows is tried too.
fn opening() -> Vec<Answer> {
    let form = "<form method=post action=/u/login><input name=email><input type=password name=p></form>";
    vec![answer(302, Some("https://login.qlik.com/login?state=1"), false, ""), answer(200, None, false, form)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn no_sequence_of_answers_sends_the_password_twice_or_anywhere_else(
        opened in any::<bool>(),
        rest in prop::collection::vec(any_answer(), 1..10),
    ) {
        let mut answers = if opened { opening() } else { Vec::new() };
        answers.extend(rest);
        let (asked, end) = play(&answers);
        check(&asked, &end)?;
    }

    #[test]
    fn no_login_page_makes_a_submission_to_a_host_that_is_not_allowed(page in page()) {
        let answers = [answer(302, Some("https://login.qlik.com/login?state=1"), true, ""), answer(200, None, true, &page)];
        let (asked, end) = play(&answers);
        check(&asked, &end)?;
    }

    #[test]
    fn no_bytes_make_one_either(page in "(?s).{0,200}") {
        let answers = [answer(302, Some("https://login.qlik.com/login?state=1"), true, ""), answer(200, None, true, &page)];
        let (asked, end) = play(&answers);
        check(&asked, &end)?;
    }
}

#[test]
fn the_walks_that_are_tried_do_reach_the_password() {
    let callback = answer(302, Some("https://acme.eu.qlikcloud.com/login/callback?code=1"), false, "");
    let home = answer(302, Some("https://portal.example/back"), true, "");
    let mut answers = opening();
    answers.extend([callback, home]);
    let (asked, end) = play(&answers);
    assert!(matches!(end, Move::Arrived { .. }));
    assert_eq!(asked.iter().filter(|ask| holds(ask, SECRET)).count(), 1);
}

#[test]
fn a_form_without_the_password_may_be_asked_for_again_and_one_with_it_may_not() {
    let first = answer(302, Some("https://login.qlik.com/login"), false, "");
    let identifier = answer(200, None, false, "<form method=post action=/id><input name=email></form>");
    let again = answer(307, Some("https://login.qlik.com/id2"), false, "");
    let (asked, _) = play(&[first, identifier, again, answer(200, None, false, "")]);
    assert_eq!(asked.len(), 4);
    assert!(holds(&asked[3], "ada%40acme.example") && asked[3].url.path() == "/id2");
    let mut answers = opening();
    answers.push(answer(307, Some("https://login.qlik.com/u/login"), false, ""));
    let (asked, end) = play(&answers);
    assert_eq!(asked.len(), 3);
    assert!(matches!(end, Move::End(PasswordLoginError::UnexpectedPage { password_sent: true, .. })));
}
