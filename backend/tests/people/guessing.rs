//! Guessing passwords: how often it may be tried, who is held up and who is not,
//! and who is told.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use backend::{Actor, Error, Role, audit::AuditRow, people::Caller};
use jiff::SignedDuration;
use serde_json::json;

use crate::house::{House, OTHER_PASSWORD, OWNER, PASSWORD, ip, secret};

/// One guess from an address of its own.
async fn guess(house: &House, by: &Actor, email: &str, n: usize) -> Result<Actor, Error> {
    let place = ip(&format!("198.51.{}.{}", n / 250, n % 250));
    house.services.sign_in(&by.portal, email, secret("a wrong password"), Caller::at(place)).await
}

/// How many of so many guesses, each from another address, were tried.
async fn tried(house: &House, by: &Actor, email: &str, guesses: std::ops::Range<usize>) -> usize {
    let mut tried = 0;
    for n in guesses {
        match guess(house, by, email, n).await {
            Err(Error::BadCredentials) => tried += 1,
            Err(Error::TooManyTries { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    tried
}

fn wait(end: Result<Actor, Error>) -> Duration {
    match end {
        Err(Error::TooManyTries { retry_after }) => retry_after,
        other => panic!("not held up: {other:?}"),
    }
}

/// A browser in which that person signed in.
fn known(house: &House, who: &Actor) -> Caller {
    let device = house.services.remember_device(who, None).unwrap();
    Caller { ip: Some(ip("203.0.113.5")), device: Some(device) }
}

async fn rows(house: &House, owner: &Actor) -> Vec<AuditRow> {
    let rows = house.services.audit_page(owner, None, 200).await.unwrap();
    rows.into_iter().filter(|r| r.action == "sign_in.refused").collect()
}

#[tokio::test]
async fn of_two_hundred_guesses_from_two_hundred_addresses_twenty_are_tried() {
    let (house, owner) = House::with_owner().await;
    assert_eq!(tried(&house, &owner, OWNER, 0..200).await, 20);
    // Then one now and then, and ever more seldom.
    assert_eq!(wait(guess(&house, &owner, OWNER, 0).await), Duration::from_secs(30));
    house.clock.advance(SignedDuration::from_secs(30));
    assert_eq!(tried(&house, &owner, OWNER, 200..250).await, 1);
    assert_eq!(wait(guess(&house, &owner, OWNER, 0).await), Duration::from_mins(1));
    // A day of tries, each as soon as it is taken.
    let mut day = 0;
    let end = house.services.now() + SignedDuration::from_hours(24);
    let mut n = 250;
    while house.services.now() < end {
        n += 1;
        match guess(&house, &owner, OWNER, n).await {
            Err(Error::TooManyTries { retry_after }) => {
                house.clock.advance(SignedDuration::try_from(retry_after).unwrap());
            }
            _ => day += 1,
        }
    }
    assert!((90..=105).contains(&day), "{day}");
}

#[tokio::test]
async fn an_e_mail_that_nobody_has_is_held_up_just_so_and_writes_no_row_of_its_own() {
    let (house, owner) = House::with_owner().await;
    for email in ["nobody@acme.example", "NOBODY@acme.example"] {
        let tried = tried(&house, &owner, email, 0..60).await;
        assert_eq!(tried, if email.starts_with('n') { 20 } else { 0 }, "{email}");
    }
    let unknown = wait(guess(&house, &owner, "nobody@acme.example", 300).await);
    tried(&house, &owner, OWNER, 0..60).await;
    assert_eq!(wait(guess(&house, &owner, OWNER, 300).await), unknown);
    // A restart forgets neither, so it tells them apart no more.
    let again = house.another().await;
    assert_eq!(tried(&again, &owner, "nobody@acme.example", 300..310).await, 0);
    assert_eq!(tried(&again, &owner, OWNER, 300..310).await, 0);
}

#[tokio::test]
async fn many_at_once_are_no_more_than_one_after_another() {
    let (house, owner) = House::with_owner().await;
    let guesses = (0..60).map(|n| guess(&house, &owner, OWNER, n));
    let mut ends = Vec::new();
    let mut all = guesses.map(Box::pin).collect::<Vec<_>>();
    while !all.is_empty() {
        let (end, _, rest) = futures::future::select_all(all).await;
        ends.push(end);
        all = rest;
    }
    assert_eq!(ends.iter().filter(|e| matches!(e, Err(Error::BadCredentials))).count(), 20);
}

#[tokio::test]
async fn guesses_at_many_e_mails_leave_a_bounded_number_of_rows() {
    let (house, owner) = House::with_owner().await;
    for n in 0..40 {
        guess(&house, &owner, &format!("nobody{n}@acme.example"), n).await.unwrap_err();
    }
    let count = |table: &'static str| {
        let db = house.services.db().read();
        async move { sqlx::query_scalar::<_, i64>(table).fetch_one(db).await.unwrap() }
    };
    assert_eq!(count("SELECT count(*) FROM sign_in_strangers").await, 1);
    assert_eq!(count("SELECT tries FROM sign_in_strangers").await, 40);
    assert!(count("SELECT max(cell) FROM sign_in_cells").await < 3 * 4096);
    assert_eq!(count("SELECT count(*) FROM sign_in_refusals").await, 0);
    assert_eq!(count("SELECT count(*) FROM audit WHERE action = 'sign_in.refused'").await, 0);
    assert_eq!(house.services.refused_strangers(&owner).await.unwrap().unwrap().0, 40);
}

#[tokio::test]
async fn a_browser_that_the_account_knows_is_held_up_by_nobody_else() {
    let (house, owner) = House::with_owner().await;
    let here = known(&house, &owner);
    tried(&house, &owner, OWNER, 0..60).await;
    // Nor by whoever shares the address, however many e-mails they try.
    for n in 0..80 {
        let stranger = Caller::at(here.ip.unwrap());
        let email = format!("nobody{n}@acme.example");
        house.services.sign_in(&owner.portal, &email, secret("x"), stranger).await.unwrap_err();
    }
    let from = |caller: &Caller, password| {
        house.services.sign_in(&owner.portal, OWNER, secret(password), caller.clone())
    };
    wait(from(&Caller::at(ip("203.0.113.6")), PASSWORD).await);
    from(&here, PASSWORD).await.unwrap();
    // By its own tries it is.
    let mut own = 0;
    let end = loop {
        match from(&here, "a wrong password").await {
            Err(Error::BadCredentials) => own += 1,
            end => break end,
        }
    };
    wait(end);
    assert_eq!(own, 10);
}

#[tokio::test]
async fn a_known_browser_is_known_to_its_own_accounts_alone_and_until_the_password_changes() {
    let (house, owner) = House::with_owner().await;
    let user = house.user(&owner, "user@acme.example", Role::User).await;
    let both = {
        let first = house.services.remember_device(&owner, None).unwrap();
        let second = house.services.remember_device(&user, Some(&first)).unwrap();
        Caller { ip: Some(ip("203.0.113.5")), device: Some(second) }
    };
    let users = known(&house, &user);
    for email in [OWNER, "user@acme.example"] {
        tried(&house, &owner, email, 0..30).await;
    }
    let from = |email, caller: &Caller| {
        house.services.sign_in(&owner.portal, email, secret(PASSWORD), caller.clone())
    };
    from(OWNER, &both).await.unwrap();
    from("user@acme.example", &both).await.unwrap();
    wait(from(OWNER, &users).await);
    for other in ["", "AAAA", "not base64!", &"A".repeat(10_000)] {
        wait(from(OWNER, &Caller { device: Some(other.to_owned()), ..both.clone() }).await);
    }

    house.services.change_password(&user, secret(PASSWORD), secret(OTHER_PASSWORD)).await.unwrap();
    let end = house
        .services
        .sign_in(&owner.portal, "user@acme.example", secret(OTHER_PASSWORD), both.clone())
        .await;
    wait(end);
    from(OWNER, &both).await.unwrap();
    // Nor is it known in another portal.
    let far = house.second_portal(&owner).await;
    tried(&house, &far, &far.email, 0..30).await;
    let device = house.services.remember_device(&Actor { portal: owner.portal.clone(), ..far.clone() }, None);
    let there = Caller { device: Some(device.unwrap()), ..both };
    wait(house.services.sign_in(&far.portal, &far.email, secret(PASSWORD), there).await);
}

#[tokio::test]
async fn the_owner_is_told_once_how_many_from_how_many_addresses() {
    let (house, owner) = House::with_owner().await;
    let began = house.services.now();
    assert_eq!(house.services.take_refusals(&owner).await.unwrap(), None);
    tried(&house, &owner, OWNER, 0..12).await;
    house.clock.advance(SignedDuration::from_mins(5));
    tried(&house, &owner, OWNER, 0..3).await;
    let told = house.services.take_refusals(&owner).await.unwrap().unwrap();
    assert_eq!((told.tries, told.places, told.or_more), (15, 12, false));
    assert_eq!((told.first_at, told.last_at), (began, house.services.now()));
    assert_eq!(house.services.take_refusals(&owner).await.unwrap(), None);
    // Where they look for it, it stays.
    assert_eq!(house.services.last_refusals(&owner).await.unwrap(), Some(told));
}

#[tokio::test]
async fn slips_of_ones_own_are_no_news() {
    let (house, owner) = House::with_owner().await;
    let here = known(&house, &owner);
    let from =
        |password, caller: Caller| house.services.sign_in(&owner.portal, OWNER, secret(password), caller);
    for _ in 0..4 {
        from("a wrong password", here.clone()).await.unwrap_err();
    }
    from(PASSWORD, here.clone()).await.unwrap();
    assert_eq!(house.services.take_refusals(&owner).await.unwrap(), None);
    // So many are no slips: somebody else may sit where the owner does.
    for _ in 0..5 {
        from("a wrong password", here.clone()).await.unwrap_err();
    }
    from(PASSWORD, here).await.unwrap();
    assert_eq!(house.services.take_refusals(&owner).await.unwrap().unwrap().tries, 5);
    // In a new browser, and then right.
    let new = || Caller::at(ip("203.0.113.9"));
    from("a wrong password", new()).await.unwrap_err();
    from(PASSWORD, new()).await.unwrap();
    assert_eq!(house.services.take_refusals(&owner).await.unwrap(), None);
    // With somebody else's between them they are.
    from("a wrong password", new()).await.unwrap_err();
    guess(&house, &owner, OWNER, 1).await.unwrap_err();
    from(PASSWORD, new()).await.unwrap();
    assert_eq!(house.services.take_refusals(&owner).await.unwrap().unwrap().tries, 2);
}

#[tokio::test]
async fn the_audit_has_one_row_a_day_for_an_account() {
    let (house, owner) = House::with_owner().await;
    let user = house.user(&owner, "user@acme.example", Role::User).await;
    let began = house.services.now();
    tried(&house, &owner, OWNER, 0..15).await;
    house.clock.advance(SignedDuration::from_hours(3));
    tried(&house, &owner, OWNER, 10..20).await;
    tried(&house, &owner, "nobody@acme.example", 0..5).await;
    let last = house.services.now();
    let all = rows(&house, &owner).await;
    let expected = json!({
        "user": owner.user_id, "email": OWNER, "count": 23, "addresses": 18,
        "first_at": began.as_second(), "last_at": last.as_second(),
    });
    assert_eq!(all.iter().map(|r| &r.detail).collect::<Vec<_>>(), [&expected]);
    assert_eq!(all[0].actor, None);

    guess(&house, &owner, &user.email, 1).await.unwrap_err();
    assert_eq!(rows(&house, &owner).await.len(), 2);
    house.clock.advance(SignedDuration::from_hours(22));
    tried(&house, &owner, OWNER, 0..5).await;
    let all = rows(&house, &owner).await;
    assert_eq!(all.len(), 3);
    assert_eq!((&all[0].detail["count"], &all[2].detail), (&json!(5), &expected));
}

#[tokio::test]
async fn a_right_password_of_an_account_that_may_not_sign_in_counts_as_refused() {
    let (house, owner) = House::with_owner().await;
    let user = house.user(&owner, "user@acme.example", Role::User).await;
    house.services.disable_user(&owner, &user.user_id).await.unwrap();
    let end = house
        .services
        .sign_in(&owner.portal, &user.email, secret(PASSWORD), Caller::at(ip("192.0.2.1")))
        .await;
    assert!(matches!(end, Err(Error::BadCredentials)), "{end:?}");
    assert_eq!(rows(&house, &owner).await[0].detail["email"], "user@acme.example");
}

#[tokio::test]
async fn who_comes_in_with_a_new_browser_is_forgiven_and_nobody_else_is() {
    let (house, owner) = House::with_owner().await;
    house.user(&owner, "user@acme.example", Role::User).await;
    tried(&house, &owner, OWNER, 0..19).await;
    tried(&house, &owner, "user@acme.example", 0..30).await;
    let new = Caller::at(ip("203.0.113.9"));
    house.services.sign_in(&owner.portal, OWNER, secret(PASSWORD), new).await.unwrap();
    assert_eq!(tried(&house, &owner, OWNER, 100..150).await, 20);
    assert_eq!(tried(&house, &owner, "user@acme.example", 100..110).await, 0);
}

#[tokio::test]
async fn an_e_mail_of_sixty_kilobytes_costs_and_tells_nothing() {
    let (house, owner) = House::with_owner().await;
    let long = format!("{}@acme.example", "ë".repeat(30_000));
    let end = guess(&house, &owner, &long, 1).await;
    assert!(matches!(end, Err(Error::BadCredentials)), "{end:?}");
    assert!(!house.bytes().windows(64).any(|w| w == &long.as_bytes()[..64]));
}

/// What is logged on this thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn each_refused_try_leaves_a_line_that_names_the_account_by_its_id_and_never_what_was_typed() {
    let (house, owner) = House::with_owner().await;
    let lines = Lines::default();
    let into = lines.clone();
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || into.clone()).finish();
    let here = tracing::subscriber::set_default(log);
    tried(&house, &owner, OWNER, 0..30).await;
    guess(&house, &owner, "hunter2 my password", 1).await.unwrap_err();
    guess(&house, &owner, "canary@acme.example", 1).await.unwrap_err();
    drop(here);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let of_owner: Vec<_> = text.lines().filter(|l| l.contains(&owner.user_id)).collect();
    let why = |why: &str| of_owner.iter().filter(|l| l.contains(why)).count();
    assert_eq!((why("wrong password"), why("too many tries")), (20, 10), "{text}");
    assert_eq!(text.lines().filter(|l| l.contains("no account")).count(), 2, "{text}");
    for typed in ["hunter2", "canary", OWNER] {
        assert!(!text.contains(typed), "{text}");
    }
}
