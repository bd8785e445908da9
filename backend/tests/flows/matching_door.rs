//! The door looks a user up before a session is opened: what Qlik would do
//! beside opening one is refused until an administrator allows it.

use crate::house::{House, days};
use backend::{
    Actor, Error, Role,
    apps::{AppsPage, AppsQuery},
    audit,
    door::{TroubleKind, Who},
    integration::SaveInput,
    people::NewUser as NewPortalUser,
};
use sandbox::{EventKind, NewTenant, NewUser};
use secrecy::ExposeSecret as _;

const BEA: &str = "bea@acme.example";

async fn bea(h: &House) -> Actor {
    let new = NewPortalUser { email: BEA.to_owned(), name: "Bea Novak".to_owned(), role: Role::User };
    let link = h.portal.add_user(&h.ada, new).await.unwrap();
    h.portal
        .accept_invitation(link.token.expose_secret(), "a long enough password".to_owned().into())
        .await
        .unwrap()
}

/// What became of a visit to My apps.
async fn visit(h: &House, who: &Actor) -> Result<String, (TroubleKind, Who)> {
    match h.portal.my_apps(who, AppsQuery::default()).await.unwrap() {
        AppsPage::Apps { qlik_user, .. } => Ok(qlik_user),
        AppsPage::Trouble(t) => {
            assert!(!t.says.is_empty() && !t.remedy.is_empty(), "{t:?}");
            Err((t.kind, t.who))
        }
    }
}

async fn allow(h: &House, create: bool, rewrite: bool) {
    h.portal.allow_at_sign_in(&h.ada, &h.tenant.id, create, rewrite).await.unwrap();
}

/// The settings are saved with the e-mail as subject.
async fn send_emails(h: &House) {
    h.change(SaveInput { email_as_subject: true, ..h.input() }).await;
}

fn logins(h: &House) -> usize {
    h.world.log().iter().filter(|e| e.path == "/login/jwt-session").count()
}

fn events(h: &House) -> Vec<EventKind> {
    h.world.events().into_iter().map(|e| e.kind).collect()
}

async fn audited(h: &House, action: &str) -> usize {
    let rows = h.portal.audit_page(&h.ada, None, 200).await.unwrap();
    rows.iter().filter(|r| r.action == action).count()
}

#[tokio::test]
async fn a_user_that_qlik_lacks_is_made_once_that_is_allowed_and_not_before() {
    let h = House::connected().await;
    let bea = bea(&h).await;
    let before = logins(&h);
    assert_eq!(visit(&h, &bea).await, Err((TroubleKind::NoQlikUser, Who::QlikAdministrator)));
    assert_eq!((logins(&h), events(&h).len()), (before, 0), "it was not even tried");
    allow(&h, true, false).await;
    assert_eq!(visit(&h, &bea).await.as_deref(), Ok(BEA));
    let [EventKind::Created { email, subject, .. }] = &events(&h)[..] else { panic!("{:?}", events(&h)) };
    assert_eq!((email.as_str(), subject.as_str()), (BEA, BEA));
    assert_eq!(audited(&h, audit::SIGN_IN_ALLOWED).await, 1);
    assert_eq!(audited(&h, audit::QLIK_USER_CREATED).await, 1);
    // From now on the user is there, and nothing needs to be allowed.
    allow(&h, false, false).await;
    h.world.end_sessions(&h.tenant);
    assert_eq!(visit(&h, &bea).await.as_deref(), Ok(BEA));
    assert_eq!(events(&h).len(), 1);
}

#[tokio::test]
async fn with_the_e_mail_as_subject_an_unknown_user_is_not_made_unasked_either() {
    let h = House::connected().await;
    send_emails(&h).await;
    let bea = bea(&h).await;
    let (before, made) = (logins(&h), events(&h).len());
    assert_eq!(visit(&h, &bea).await, Err((TroubleKind::WouldCreate, Who::Administrator)));
    assert_eq!((logins(&h), events(&h).len()), (before, made));
    allow(&h, true, false).await;
    assert_eq!(visit(&h, &bea).await.as_deref(), Ok(BEA));
    assert!(matches!(events(&h).last(), Some(EventKind::Created { .. })));
}

#[tokio::test]
async fn a_test_of_the_connection_makes_no_user_where_users_can_be_read() {
    let h = House::connected().await;
    send_emails(&h).await;
    let made = events(&h).len();
    h.world.set_email(&h.qlik_ada, "lovelace@acme.example");
    let report = h.portal.test_connection(&h.ada).await.unwrap();
    assert!(report.ok, "the key's owner is signed in instead: {:#?}", report.checks);
    assert_eq!(events(&h).len(), made);
}

#[tokio::test]
async fn a_subject_is_rewritten_once_that_is_allowed_and_not_before() {
    let h = House::connected().await;
    send_emails(&h).await;
    let rewritten = events(&h).len();
    let qlik_bea = h.world.add_user(&h.tenant, NewUser::new(BEA));
    let bea = bea(&h).await;
    let before = logins(&h);
    assert_eq!(visit(&h, &bea).await, Err((TroubleKind::WouldRewrite, Who::Administrator)));
    assert_eq!((logins(&h), events(&h).len()), (before, rewritten));
    assert_eq!(h.world.subject(&qlik_bea), qlik_bea.subject);
    // To let Qlik make users is another matter.
    allow(&h, true, false).await;
    assert_eq!(visit(&h, &bea).await, Err((TroubleKind::WouldRewrite, Who::Administrator)));
    allow(&h, false, true).await;
    assert_eq!(visit(&h, &bea).await.as_deref(), Ok(BEA));
    assert_eq!(h.world.subject(&qlik_bea), BEA);
    let Some(EventKind::Reassigned { user, old_subject, new_subject, .. }) = events(&h).pop() else {
        panic!("{:?}", events(&h))
    };
    assert_eq!((user, old_subject, new_subject.as_str()), (qlik_bea.id, qlik_bea.subject, BEA));
    assert_eq!(audited(&h, audit::QLIK_SUBJECT_CHANGED).await, 1);
}

#[tokio::test]
async fn without_a_switch_the_stored_subject_is_sent_and_nothing_changes_at_qlik() {
    let h = House::connected().await;
    let qlik_bea = h.world.add_user(&h.tenant, NewUser::new("BEA@acme.example"));
    let bea = bea(&h).await;
    assert_eq!(visit(&h, &bea).await.as_deref(), Ok("BEA@acme.example"));
    allow(&h, true, false).await;
    h.world.end_sessions(&h.tenant);
    assert!(visit(&h, &bea).await.is_ok(), "who is found is not made anew");
    assert_eq!(h.world.subject(&qlik_bea), qlik_bea.subject);
    assert!(events(&h).is_empty(), "{:?}", events(&h));
}

#[tokio::test]
async fn where_somebody_else_may_be_meant_nothing_is_made_or_rewritten_whatever_is_allowed() {
    type Scene = fn(&House);
    let table: &[(&str, Scene, TroubleKind)] = &[
        (
            "a plus address",
            |h| drop(h.world.add_user(&h.tenant, NewUser::new("bea+qlik@acme.example"))),
            TroubleKind::NoQlikUser,
        ),
        (
            "no e-mail",
            |h| {
                let hidden = NewUser {
                    name: "Bea Novak".into(),
                    email_hidden: true,
                    ..NewUser::new("x@acme.example")
                };
                h.world.add_user(&h.tenant, hidden);
            },
            TroubleKind::NoQlikUser,
        ),
        (
            "the subject of another user",
            |h| {
                let other = NewUser { subject: Some(BEA.into()), ..NewUser::new("carl@acme.example") };
                h.world.add_user(&h.tenant, other);
            },
            TroubleKind::SubjectTaken,
        ),
        (
            "two users",
            |h| {
                h.world.add_user(&h.tenant, NewUser::new(BEA));
                h.world.add_user(&h.tenant, NewUser::new(BEA));
            },
            TroubleKind::SeveralQlikUsers,
        ),
    ];
    for (what, scene, kind) in table {
        let h = House::connected().await;
        let bea = bea(&h).await;
        scene(&h);
        allow(&h, true, true).await;
        let (before, users) = (logins(&h), h.world.users(&h.tenant).len());
        assert_eq!(visit(&h, &bea).await.map_err(|(k, _)| k), Err(*kind), "{what}");
        assert_eq!((logins(&h), h.world.users(&h.tenant).len()), (before, users), "{what}");
    }
}

#[tokio::test]
async fn where_users_can_not_be_read_the_choice_to_send_e_mails_counts_as_before() {
    let h = House::new().await;
    h.identity_provider().await;
    let bot =
        NewUser { manage_api_keys: true, may_read_users: Some(false), ..NewUser::new("bot@acme.example") };
    let bot = h.world.add_user(&h.tenant, bot);
    let (_, token) = h.world.create_key(&bot, "bot", days(3));
    let input = SaveInput { api_key: Some(token.into()), email_as_subject: true, ..h.input() };
    let saved = h.portal.save_integration(&h.ada, input).await.unwrap();
    assert!(saved.saved, "{saved:#?}");
    let qlik_bea = h.world.add_user(&h.tenant, NewUser::new(BEA));
    let bea = bea(&h).await;
    assert_eq!(visit(&h, &bea).await.as_deref(), Ok(BEA));
    assert_eq!(h.world.subject(&qlik_bea), BEA);
    // As soon as they can be read, the next one is looked up first.
    h.world.set_may_read_users(&bot, true);
    h.world.set_subject(&qlik_bea, "auth0|somebody");
    h.world.end_sessions(&h.tenant);
    assert_eq!(visit(&h, &bea).await, Err((TroubleKind::WouldRewrite, Who::Administrator)));
}

#[tokio::test]
async fn what_is_allowed_is_for_administrators_and_for_one_tenant() {
    let h = House::connected().await;
    let bea = bea(&h).await;
    let by_bea = h.portal.allow_at_sign_in(&bea, &h.tenant.id, true, true).await;
    assert!(matches!(by_bea, Err(Error::NotAllowed)), "{by_bea:?}");
    let elsewhere = h.portal.allow_at_sign_in(&h.ada, "another-tenant", true, true).await;
    assert!(matches!(elsewhere, Err(Error::Conflict(_))), "{elsewhere:?}");
    allow(&h, true, true).await;
    // Saved again, it stays; connected to another tenant, it does not.
    assert!(h.save().await.saved);
    let rules = |view: backend::matching::MatchingView| view.allowed.unwrap().rules;
    let now = rules(h.portal.matching_view(&h.ada).await.unwrap());
    assert!(now.create && now.rewrite);
    let other = h.world.add_tenant(NewTenant::new("globex", "us"));
    let ada = h.world.add_user(&other, NewUser::admin("ada@acme.example"));
    let web = h.world.add_web_integration(&other, "Portal", [crate::house::ORIGIN]);
    let (_, token) = h.world.create_key(&ada, "other", days(3));
    let view = h.portal.settings_view(&h.ada).await.unwrap().identity;
    h.world.add_jwt_idp(&other, &view.issuer, &view.kid, &view.certificate_pem);
    let input = SaveInput {
        tenant_host: "globex.us.qlikcloud.com".to_owned(),
        web_integration_id: web,
        api_key: Some(token.into()),
        ..h.input()
    };
    h.change(input).await;
    let now = rules(h.portal.matching_view(&h.ada).await.unwrap());
    assert!(!now.create && !now.rewrite);
}
