//! Whole visits without script: set-up, sign-in, invitations, profile, users.

use crate::house::{House, Visitor};
use app::{
    api::{people, profile, users},
    error::AppError,
};
use axum::http::StatusCode;
use backend::people::{Caller, Status};
use leptos::server_fn::{ServerFn, error::FromServerFnError};

const PASSWORD: &str = "correct horse battery";

async fn id_of(house: &House, email: &str) -> String {
    let users = users_of(house).await;
    users.into_iter().find(|u| u.email == email).map(|u| u.id).unwrap()
}

async fn users_of(house: &House) -> Vec<backend::people::UserRow> {
    let portal = house.services.portal_by_host("acme.portal.example").await.unwrap().unwrap();
    let owner = house
        .services
        .sign_in(&portal, "ada@acme.example", PASSWORD.to_owned().into(), Caller::default())
        .await
        .unwrap();
    house.services.list_users(&owner).await.unwrap()
}

/// Adds a person and gives back the path of their one-time link.
async fn add(ada: &mut Visitor, email: &str, role: &str) -> String {
    let page =
        ada.submit(users::AddUser::PATH, &[("email", email), ("name", "Bo"), ("role", role)]).await.page();
    let url = page.labelled("One-time link").attr("value").unwrap().to_owned();
    url.strip_prefix("https://acme.portal.example").unwrap().to_owned()
}

async fn join(house: &House, link: &str) -> Visitor {
    let mut bo = house.visitor();
    let token = link.split_once('=').unwrap().1;
    let answer = bo.submit(people::Join::PATH, &[("token", token), ("password", PASSWORD)]).await;
    assert_eq!(answer.page().one("h1").text, "My apps");
    bo
}

#[tokio::test]
async fn without_a_portal_every_page_leads_to_the_set_up() {
    let house = House::new().await;
    for path in
        ["/", "/login", "/apps", "/profile", "/logout", "/admin/settings", "/admin/users", "/admin/audit"]
    {
        let answer = house.visitor().visit(path).await;
        assert_eq!(answer.page().one("h1").text, "Set up this portal", "{path}");
    }
}

#[tokio::test]
async fn the_set_up_makes_the_portal_and_signs_its_owner_in() {
    let house = House::new().await;
    let code = house.services.setup_code().await.unwrap().unwrap();
    let mut ada = house.visitor();
    let fields = |code| {
        [
            ("code", code),
            ("portal_name", "Acme & Söhne"),
            ("name", "Ada"),
            ("email", "ada@acme.example"),
            ("password", PASSWORD),
        ]
    };
    let page = ada.submit(people::SetUp::PATH, &fields("AAAA-AAAA-AAAA")).await.page();
    assert_eq!(page.labelled("Set-up code").attr("aria-invalid"), Some("true"));
    assert_eq!(page.labelled("Set-up code").attr("value"), Some(""));
    assert_eq!(page.labelled("Portal name").attr("value"), Some("Acme &amp; Söhne"));
    assert_eq!(page.labelled("Your name").attr("value"), Some("Ada"));
    assert_eq!(page.labelled("E-mail").attr("value"), Some("ada@acme.example"));

    let page = ada.submit(people::SetUp::PATH, &fields(&code)).await.page();
    assert_eq!(page.one("h1").text, "Settings");
    assert!(page.role("status").iter().any(|t| t.contains("The portal is set up.")));

    let again = house.visitor().visit("/setup").await;
    assert_eq!(again.page().one("h1").text, "Set up already");
    let answer = house.visitor().call(people::SetUp::PATH, &fields(&code)).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_wrong_password_keeps_the_e_mail_and_tells_nothing_more() {
    let (house, _) = House::with_owner().await;
    let mut texts = Vec::new();
    for email in ["ada@acme.example", "nobody@acme.example"] {
        let mut visitor = house.visitor();
        let answer =
            visitor.submit(people::SignIn::PATH, &[("email", email), ("password", "not the password")]).await;
        let page = answer.page();
        assert_eq!(page.labelled("E-mail").attr("value"), Some(email));
        assert_eq!(page.labelled("Password").attr("value"), None);
        assert!(!answer.text.contains("not the password"));
        assert!(page.one("title").text.starts_with("Error: "));
        texts.push(page.role("alert").join(" "));
        // What went wrong is said once.
        assert!(visitor.visit("/login").await.page().role("alert").is_empty());
    }
    assert!(texts[0].contains("E-mail or password is not right."), "{texts:?}");
    assert_eq!(texts[0], texts[1]);
}

#[tokio::test]
async fn signing_in_gives_a_new_session_and_goes_on_to_the_page_that_was_asked_for() {
    let (house, _) = House::with_owner().await;
    let mut visitor = house.visitor();
    let answer = visitor.visit("/admin/users?x=1").await;
    let next = answer
        .page()
        .all("input")
        .find(|i| i.attr("name") == Some("next"))
        .unwrap()
        .attr("value")
        .unwrap()
        .to_owned();
    assert_eq!(next, "/admin/users?x=1");
    visitor.sign_in("ada@acme.example", "wrong").await;
    let before = visitor.cookie.clone();
    assert!(before.is_some());
    let fields = [("email", "ada@acme.example"), ("password", PASSWORD), ("next", &next)];
    let answer = visitor.post(people::SignIn::PATH, &fields).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/admin/users?x=1"));
    assert_ne!(visitor.cookie, before);
    assert_eq!(visitor.visit("/login").await.page().one("h1").text, "My apps");
}

#[tokio::test]
async fn signing_in_never_leads_out_of_the_portal() {
    let (house, _) = House::with_owner().await;
    for next in ["https://evil.example/", "//evil.example", "/\\evil.example", "/a\r\nx: y"] {
        let mut visitor = house.visitor();
        let fields = [("email", "ada@acme.example"), ("password", PASSWORD), ("next", next)];
        assert_eq!(visitor.post(people::SignIn::PATH, &fields).await.location(), "/apps", "{next:?}");
        let path = format!("/login?next={}", app::routes::encode(next));
        assert_eq!(visitor.get(&path).await.location(), "/apps", "{next:?}");
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_for_good() {
    let (_house, mut ada) = House::with_owner().await;
    let kept = ada.cookie.clone();
    let page = ada.submit(people::SignOut::PATH, &[]).await.page();
    assert_eq!(page.one("h1").text, "Sign in");
    assert!(page.role("status").iter().any(|t| t.contains("You are signed out.")));
    ada.cookie = kept;
    assert_eq!(ada.get("/profile").await.location(), "/login?next=%2Fprofile");
}

#[tokio::test]
async fn a_one_time_link_is_shown_once_and_lets_one_person_in_once() {
    let (house, mut ada) = House::with_owner().await;
    let link = add(&mut ada, "bo@acme.example", "user").await;
    assert!(!ada.visit("/admin/users").await.text.contains(&link));

    let mut bo = house.visitor();
    let page = bo.visit(&link).await.page();
    assert_eq!(page.one("h1").text, "Welcome, Bo");
    assert_eq!(page.labelled("E-mail").attr("value"), Some("bo@acme.example"));
    let token = link.split_once('=').unwrap().1;
    let page = bo.submit(people::Join::PATH, &[("token", token), ("password", "short")]).await.page();
    assert!(page.by_id("join-password-error").unwrap().text.contains("at least 12 characters"));

    join(&house, &link).await;
    let again = house.visitor().visit(&link).await;
    assert_eq!(
        (again.status, again.page().one("h1").text.as_str()),
        (StatusCode::NOT_FOUND, "This link has ended")
    );
}

#[tokio::test]
async fn a_stored_session_does_not_hold_a_one_time_link() {
    let (house, mut ada) = House::with_owner().await;
    let fields = [("email", "bo@acme.example"), ("name", "Bo"), ("role", "user")];
    ada.post(users::AddUser::PATH, &fields).await;
    let page = ada.visit("/admin/users").await.page();
    let url = page.labelled("One-time link").attr("value").unwrap();
    let bytes = house.services.bytes().unwrap();
    let token = url.split_once('=').unwrap().1.as_bytes();
    assert!(!bytes.windows(token.len()).any(|w| w == token));
}

#[tokio::test]
async fn a_user_sees_no_administration_and_is_let_into_none() {
    let (house, mut ada) = House::with_owner().await;
    let link = add(&mut ada, "bo@acme.example", "user").await;
    let mut bo = join(&house, &link).await;
    let page = bo.visit("/profile").await.page();
    assert!(page.all("a").all(|a| !a.attr("href").unwrap().starts_with("/admin")));
    for path in [
        "/admin/settings",
        "/admin/settings/renewals",
        "/admin/users",
        "/admin/notifications",
        "/admin/audit",
    ] {
        let answer = bo.visit(path).await;
        assert_eq!(
            (answer.status, answer.page().one("h1").text.as_str()),
            (StatusCode::FORBIDDEN, "For administrators")
        );
    }
    let mine = id_of(&house, "bo@acme.example").await;
    for (path, fields) in [
        (
            users::AddUser::PATH,
            &[("email", "eve@acme.example"), ("name", "Eve"), ("role", "administrator")][..],
        ),
        (users::SetRole::PATH, &[("user", &mine), ("role", "administrator")]),
        (users::NewLink::PATH, &[("user", &mine)]),
        (users::DisableUser::PATH, &[("user", &mine)]),
        (users::EnableUser::PATH, &[("user", &mine)]),
        (users::RemoveUser::PATH, &[("user", &mine)]),
    ] {
        let answer = bo.call(path, fields).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(AppError::de(answer.text.into()), AppError::NotAllowed);
        assert_eq!(house.visitor().call(path, fields).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn an_administrator_changes_disables_enables_and_removes_a_person() {
    let (house, mut ada) = House::with_owner().await;
    let link = add(&mut ada, "bo@acme.example", "user").await;
    let mut bo = join(&house, &link).await;
    let id = id_of(&house, "bo@acme.example").await;

    let page = ada.submit(users::SetRole::PATH, &[("user", &id), ("role", "administrator")]).await.page();
    let chosen = page.all("option").find(|o| o.attr("selected").is_some() && o.text == "Administrator");
    assert!(chosen.is_some());
    assert_eq!(bo.visit("/admin/audit").await.status, StatusCode::OK);

    assert_eq!(ada.visit(&format!("/admin/users/{id}/disable")).await.page().one("h1").text, "Disable Bo");
    ada.submit(users::DisableUser::PATH, &[("user", &id)]).await;
    assert_eq!(bo.get("/apps").await.location(), "/login?next=%2Fapps");
    let page = ada.visit(&format!("/admin/users/{id}")).await.page();
    assert!(page.all("form").any(|f| f.attr("action") == Some(users::EnableUser::PATH)));
    ada.submit(users::EnableUser::PATH, &[("user", &id)]).await;
    assert!(users_of(&house).await.iter().all(|u| u.status == Status::Active));

    let page = ada.submit(users::RemoveUser::PATH, &[("user", &id)]).await.page();
    assert_eq!(page.one("h1").text, "Users");
    assert_eq!(users_of(&house).await.len(), 1);
    assert_eq!(ada.visit(&format!("/admin/users/{id}")).await.status, StatusCode::NOT_FOUND);
    let said = ada.visit("/admin/audit").await.text;
    for line in ["Removed bo@acme.example", "Added bo@acme.example as user", "Disabled bo@acme.example"] {
        assert!(said.contains(line), "{line}");
    }
}

#[tokio::test]
async fn the_owner_can_t_be_shut_out_and_the_page_says_why() {
    let (house, mut ada) = House::with_owner().await;
    let id = id_of(&house, "ada@acme.example").await;
    let page = ada.submit(users::SetRole::PATH, &[("user", &id), ("role", "user")]).await.page();
    let said = page.role("alert").join(" ");
    assert!(said.contains("The owner of the portal always stays an active administrator."), "{said}");
}

#[tokio::test]
async fn what_was_typed_for_a_new_user_stays_when_it_is_not_taken() {
    let (_house, mut ada) = House::with_owner().await;
    let fields = [("email", "ada@acme.example"), ("name", "Second Ada"), ("role", "administrator")];
    let page = ada.submit(users::AddUser::PATH, &fields).await.page();
    assert_eq!(page.labelled("Name").attr("value"), Some("Second Ada"));
    assert_eq!(
        page.labelled("E-mail").attr("aria-describedby"),
        Some("add-user-email-hint add-user-email-error")
    );
    assert!(page.by_id("add-user-email-error").unwrap().text.contains("has this e-mail address already"));
    let link = page.all("a").find(|a| a.attr("href") == Some("#add-user-email"));
    assert!(link.is_some_and(|l| l.text.contains("has this e-mail address already")));
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_keeps_this_one() {
    let (house, mut here) = House::with_owner().await;
    let mut elsewhere = house.visitor();
    elsewhere.sign_in("ada@acme.example", PASSWORD).await;
    let before = here.cookie.clone();
    let wrong = [("current_password", "no"), ("new_password", "a wholly new password")];
    let page = here.submit(profile::ChangePassword::PATH, &wrong).await.page();
    assert!(
        page.by_id("password-current_password-error").unwrap().text.contains("not your current password")
    );

    let right = [("current_password", PASSWORD), ("new_password", "a wholly new password")];
    let page = here.submit(profile::ChangePassword::PATH, &right).await.page();
    assert!(page.role("status").iter().any(|t| t.contains("Your password is changed.")));
    assert_ne!(here.cookie, before);
    assert_eq!(here.get("/profile").await.status, StatusCode::OK);
    assert_eq!(elsewhere.get("/profile").await.location(), "/login?next=%2Fprofile");
}

#[tokio::test]
async fn a_new_name_is_shown_at_once() {
    let (_house, mut ada) = House::with_owner().await;
    let page = ada.submit(profile::Rename::PATH, &[("name", "  Ada L.  ")]).await.page();
    assert_eq!(page.labelled("Name").attr("value"), Some("Ada L."));
    let page = ada.submit(profile::Rename::PATH, &[("name", " ")]).await.page();
    assert!(page.by_id("name-name-error").unwrap().text.contains("Enter a name."));
}

#[tokio::test]
async fn too_many_wrong_passwords_from_one_place_are_held_back() {
    let (house, _) = House::with_owner().await;
    let mut visitor = house.visitor();
    let mut last = None;
    for _ in 0..50 {
        let answer =
            visitor.call(people::SignIn::PATH, &[("email", "ada@acme.example"), ("password", "guess")]).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            last = Some(AppError::de(answer.text.into()));
            break;
        }
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    assert!(matches!(last, Some(AppError::TooManyTries { retry_after_s: 1.. })), "{last:?}");
}

#[tokio::test]
async fn a_script_gets_data_with_a_status_and_no_page() {
    let (_house, mut ada) = House::with_owner().await;
    let answer = ada.call(profile::Rename::PATH, &[("name", "")]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.location(), "");
    assert_eq!(AppError::de(answer.text.into()), AppError::field("name", "required"));
    let answer = ada.call(profile::Rename::PATH, &[("name", "Ada")]).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::OK, ""));
    assert!(answer.text.contains("/profile"));
}

#[tokio::test]
async fn the_audit_shows_fifty_rows_and_leads_to_older_ones() {
    let (_house, mut ada) = House::with_owner().await;
    for n in 0..52 {
        ada.post(profile::Rename::PATH, &[("name", &format!("Ada {n}"))]).await;
    }
    let page = ada.visit("/admin/audit").await.page();
    assert_eq!(page.all("time").count(), 50);
    let older = page.all("a").find(|a| a.text == "Older").unwrap().attr("href").unwrap().to_owned();
    let page = ada.visit(&older).await.page();
    assert_eq!(page.all("time").count(), 4);
    assert!(page.all("a").all(|a| a.text != "Older"));
    assert!(page.all("a").any(|a| a.text == "Newest"));
}

#[tokio::test]
async fn who_was_guessed_at_is_told_once_and_finds_it_in_the_profile() {
    let (house, mut ada) = House::with_owner().await;
    let mut stranger = house.visitor();
    for guess in ["guess one", "guess two"] {
        stranger.call(people::SignIn::PATH, &[("email", "ADA@acme.example"), ("password", guess)]).await;
    }
    let said = "Someone tried to sign in to your account and was refused: 2 times, from one address";
    let page = ada.visit("/apps").await;
    assert!(page.text.contains(said), "{}", page.text);
    let page = ada.visit("/profile").await;
    assert!(!page.text.contains(said));
    assert!(page.text.contains("Refused sign-ins"), "{}", page.text);
    let audit = ada.visit("/admin/audit").await.text;
    assert!(audit.contains("Refused 2 sign-ins to ada@acme.example from one address"), "{audit}");
}

#[tokio::test]
async fn what_just_happened_comes_before_what_strangers_did() {
    let (house, mut ada) = House::with_owner().await;
    house.visitor().sign_in("ada@acme.example", "guess").await;
    let page = ada.submit(profile::Rename::PATH, &[("name", "Ada L.")]).await;
    assert!(page.text.contains("Your name is saved.") && !page.text.contains("was refused: once"));
    assert!(ada.visit("/apps").await.text.contains("was refused: once"));
}

#[tokio::test]
async fn a_browser_that_was_used_before_signs_in_while_others_guess() {
    let (house, mut ada) = House::with_owner().await;
    ada.submit(people::SignOut::PATH, &[]).await;
    let mut stranger = house.visitor();
    for _ in 0..40 {
        stranger.call(people::SignIn::PATH, &[("email", "ada@acme.example"), ("password", "guess")]).await;
    }
    let held_up =
        stranger.submit(people::SignIn::PATH, &[("email", "ada@acme.example"), ("password", PASSWORD)]);
    let page = held_up.await;
    assert!(page.text.contains("Too many tries. Try again in"), "{}", page.text);
    assert!(page.text.contains("A browser in which you signed in before is not held up"));
    assert_eq!(ada.sign_in("ada@acme.example", PASSWORD).await.location(), "/apps");
}

#[tokio::test]
async fn the_audit_names_who_by_e_mail_and_id_beside_the_name_of_their_choice() {
    let (house, mut ada) = House::with_owner().await;
    let path = add(&mut ada, "bo@acme.example", "user").await;
    let mut bo = join(&house, &path).await;
    bo.submit(profile::Rename::PATH, &[("name", "Ada")]).await;
    let id = id_of(&house, "bo@acme.example").await;
    let page = ada.visit("/admin/audit").await.page();
    let renamed = page.all("tr").find(|row| row.text.contains("Changed their name")).unwrap().text.clone();
    assert!(
        renamed.contains("bo@acme.example") && renamed.contains(&id) && renamed.contains("Ada"),
        "{renamed}"
    );
}

#[tokio::test]
async fn a_password_that_would_be_guessed_is_refused_with_the_reason() {
    let (_house, mut ada) = House::with_owner().await;
    for (weak, why) in [
        ("password1234", "lists of common and leaked passwords"),
        ("Acme-Ada-2026", "little more than your name"),
        ("Willkommen2026!", "a word and a year"),
    ] {
        let fields = [("current_password", PASSWORD), ("new_password", weak)];
        let page = ada.submit(profile::ChangePassword::PATH, &fields).await.page();
        let said = &page.by_id("password-new_password-error").unwrap().text;
        assert!(said.contains(why), "{weak}: {said}");
    }
}
