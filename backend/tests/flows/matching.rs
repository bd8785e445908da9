//! Who will match: a comparison from its start to its end, and with many users
//! on both sides.

use std::collections::BTreeMap;

use crate::house::House;
use backend::{
    Actor, Error, Role,
    integration::SaveInput,
    matching::{MatchRow, MatchingView, RowsPage, RowsQuery, RunState, Sort, Started, Verdict},
    people::NewUser as NewPortalUser,
    testing::TestServices,
};
use sandbox::{NewUser, UserStatus};

async fn invite(h: &House, email: &str, name: &str) {
    let new = NewPortalUser { email: email.to_owned(), name: name.to_owned(), role: Role::User };
    h.portal.add_user(&h.ada, new).await.unwrap();
}

pub(crate) async fn view(h: &House) -> MatchingView {
    h.portal.matching_view(&h.ada).await.unwrap()
}

/// Works until nothing is due at this moment.
pub(crate) async fn work(portal: &TestServices) {
    for _ in 0..10 {
        if portal.compare_due(&|| false).await.unwrap() == 0 {
            return;
        }
    }
    panic!("the comparison does not come to rest");
}

pub(crate) async fn compare(h: &House) -> MatchingView {
    assert_eq!(h.portal.start_matching(&h.ada).await.unwrap(), Started::Begun);
    work(&h.portal).await;
    view(h).await
}

async fn rows(h: &House, run: &str, query: RowsQuery) -> RowsPage {
    h.portal.matching_rows(&h.ada, run, &query).await.unwrap()
}

fn emails(rows: &[MatchRow]) -> Vec<&str> {
    rows.iter().map(|r| r.email.as_str()).collect()
}

pub(crate) fn asked(h: &House) -> usize {
    h.world.log().iter().filter(|e| e.path == "/api/v1/users").count()
}

/// Users of the tenant beside Ada: `user00001@acme.example` and so on.
pub(crate) fn many_at_qlik(h: &House, count: usize) {
    for n in 1..=count {
        h.world.add_user(&h.tenant, NewUser::new(format!("user{n:05}@acme.example")));
    }
}

#[tokio::test]
async fn each_user_gets_the_verdict_that_the_tenant_gives_ground_for() {
    let h = House::connected().await;
    let there = [
        NewUser::new("BEA@acme.example"),
        NewUser { status: UserStatus::Disabled, ..NewUser::new("carl@acme.example") },
        NewUser { status: UserStatus::Invited, ..NewUser::new("dora@acme.example") },
        NewUser::new("eve@acme.example"),
        NewUser::new("eve@acme.example"),
        NewUser::new("fay+qlik@acme.example"),
        NewUser { name: "Gil Orr".into(), email_hidden: true, ..NewUser::new("g@acme.example") },
        NewUser { subject: Some("hal@acme.example".into()), ..NewUser::new("h@acme.example") },
    ];
    for user in there {
        h.world.add_user(&h.tenant, user);
    }
    for (email, name) in [
        ("bea@acme.example", "Bea"),
        ("carl@acme.example", "Carl"),
        ("dora@acme.example", "Dora"),
        ("eve@acme.example", "Eve"),
        ("fay@acme.example", "Fay"),
        ("gil@acme.example", "Gil Orr"),
        ("hal@acme.example", "Hal"),
        ("ida@acme.example", "Ida"),
        ("jan@acme.example", "Jan"),
    ] {
        invite(&h, email, name).await;
    }
    // Who may not sign in is not compared.
    let page = h.portal.list_users(&h.ada).await.unwrap();
    let jan = page.iter().find(|u| u.name == "Jan").unwrap();
    h.portal.disable_user(&h.ada, &jan.id).await.unwrap();

    let seen = compare(&h).await;
    let last = seen.last.clone().unwrap();
    assert_eq!((last.state, last.qlik_users, last.qlik_without_email), (RunState::Done, 9, 1));
    assert_eq!((last.people, last.judged), (9, 9));
    let all = rows(&h, &last.id, RowsQuery { sort: Sort::Email, ..RowsQuery::default() }).await;
    let verdicts: BTreeMap<&str, Verdict> = all.rows.iter().map(|r| (r.name.as_str(), r.verdict)).collect();
    let wanted = [
        ("Ada", Verdict::Matched),
        ("Bea", Verdict::OtherCase),
        ("Carl", Verdict::Disabled),
        ("Dora", Verdict::Invited),
        ("Eve", Verdict::Several),
        ("Fay", Verdict::PlusAddress),
        ("Gil Orr", Verdict::NoEmail),
        ("Hal", Verdict::OtherEmail),
        ("Ida", Verdict::NoUser),
    ];
    assert_eq!(verdicts, BTreeMap::from(wanted));
    assert_eq!(seen.counts.iter().map(|(_, n)| n).sum::<i64>(), 9);
    let eve = all.rows.iter().find(|r| r.name == "Eve").unwrap();
    assert_eq!(eve.qlik_count, 2);
    let fay = all.rows.iter().find(|r| r.name == "Fay").unwrap();
    assert_eq!(fay.qlik_email.as_deref(), Some("fay+qlik@acme.example"));

    // With another choice the same comparison is out of date, and the next one says what is then so.
    h.portal.allow_at_sign_in(&h.ada, &h.tenant.id, true, true).await.unwrap();
    assert!(view(&h).await.is_stale());
    h.change(SaveInput { email_as_subject: true, ..h.input() }).await;
    work(&h.portal).await;
    let again = compare(&h).await;
    assert!(!again.is_stale());
    let counts: BTreeMap<Verdict, i64> = again.counts.into_iter().collect();
    assert_eq!(counts.get(&Verdict::WouldCreate), Some(&1), "{counts:?}");
    assert_eq!(counts.get(&Verdict::WouldRewrite), Some(&2), "Ada and Bea: {counts:?}");
}

#[tokio::test]
async fn rows_are_searched_filtered_sorted_and_cut_into_pages() {
    let h = House::connected().await;
    h.portal.many_users(&h.ada.portal.id, 250).await.unwrap();
    many_at_qlik(&h, 120);
    let run = compare(&h).await.last.unwrap().id;
    let by = |sort, descending| RowsQuery { sort, descending, ..RowsQuery::default() };
    let first = rows(&h, &run, by(Sort::Email, false)).await;
    assert_eq!((first.total, first.page, first.pages, first.rows.len()), (251, 1, 3, 100));
    assert_eq!(emails(&first.rows)[..2], ["ada@acme.example", "user00001@acme.example"]);
    let back = rows(&h, &run, by(Sort::Email, true)).await;
    assert_eq!(emails(&back.rows)[0], "user00250@acme.example");
    let name = rows(&h, &run, by(Sort::Name, true)).await;
    assert_eq!(name.rows[0].name, "User 99");
    let verdict = rows(&h, &run, by(Sort::Verdict, false)).await;
    assert_eq!(
        (verdict.rows[0].verdict, &*verdict.rows[0].email),
        (Verdict::NoUser, "user00121@acme.example")
    );
    let verdict = rows(&h, &run, by(Sort::Verdict, true)).await;
    assert_eq!((verdict.rows[0].verdict, &*verdict.rows[0].email), (Verdict::Matched, "ada@acme.example"));
    let beyond = rows(&h, &run, RowsQuery { page: 99, ..by(Sort::Email, false) }).await;
    assert_eq!((beyond.page, beyond.rows.len()), (3, 51));

    let matched = RowsQuery { verdict: Some(Verdict::Matched), ..by(Sort::Email, false) };
    assert_eq!(rows(&h, &run, matched.clone()).await.total, 121);
    let found = RowsQuery { search: " USER0011".to_owned(), ..matched };
    assert_eq!(rows(&h, &run, found).await.total, 10);
    let pattern = RowsQuery { search: "user_".to_owned(), ..by(Sort::Email, false) };
    assert_eq!(rows(&h, &run, pattern).await.total, 0, "a search is no pattern");

    // A file is read part by part, and misses nobody.
    let (mut after, mut all) = (String::new(), 0);
    loop {
        let part = h.portal.matching_part(&h.ada, &run, &RowsQuery::default(), &after).await.unwrap();
        let Some(last) = part.last() else { break };
        after.clone_from(&last.email);
        all += part.len();
    }
    assert_eq!(all, 251);
}

#[tokio::test]
async fn twenty_thousand_users_on_both_sides_take_a_request_for_each_hundred() {
    let h = House::connected().await;
    h.portal.many_users(&h.ada.portal.id, 20_000).await.unwrap();
    many_at_qlik(&h, 19_999);
    h.world.clear_log();
    let seen = compare(&h).await;
    let last = seen.last.unwrap();
    assert_eq!((last.qlik_users, last.people, last.pages_read), (20_000, 20_001, 200));
    assert_eq!(asked(&h), 200);
    let others = h.world.log().iter().filter(|e| e.path != "/api/v1/users").count();
    assert!(others <= 2, "the tenant, by its redirect, and nothing else: {others}");
    let counts: BTreeMap<Verdict, i64> = seen.counts.into_iter().collect();
    assert_eq!(counts, BTreeMap::from([(Verdict::Matched, 20_000), (Verdict::NoUser, 1)]));
    // Of Qlik's users nothing is kept beyond the rows.
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM matching_seen")
        .fetch_one(h.portal.db().read())
        .await
        .unwrap();
    assert_eq!(kept, 0);
}

#[tokio::test]
async fn comparing_is_for_administrators_of_a_connected_portal_and_ends_with_the_connection() {
    let h = House::new().await;
    let refused = h.portal.start_matching(&h.ada).await;
    assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
    let h = h.connect().await;
    let user = Actor { role: Role::User, ..h.ada.clone() };
    assert!(matches!(h.portal.start_matching(&user).await, Err(Error::NotAllowed)));
    assert!(matches!(h.portal.matching_view(&user).await, Err(Error::NotAllowed)));
    let run = compare(&h).await.last.unwrap().id;
    let query = RowsQuery::default();
    assert!(matches!(h.portal.matching_rows(&user, &run, &query).await, Err(Error::NotAllowed)));
    assert!(matches!(h.portal.matching_part(&user, &run, &query, "").await, Err(Error::NotAllowed)));
    let mut elsewhere = h.ada.clone();
    "another".clone_into(&mut elsewhere.portal.id);
    assert_eq!(h.portal.matching_rows(&elsewhere, &run, &query).await.unwrap().total, 0);
    h.portal.disconnect(&h.ada, false, false).await.unwrap();
    let gone = view(&h).await;
    assert!(gone.allowed.is_none() && gone.last.is_none());
}
