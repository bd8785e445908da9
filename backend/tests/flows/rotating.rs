//! The replacement of the signing key, against the sandbox tenant: phase by
//! phase, with users who work on all the while.

use backend::{
    Actor, Error, Role,
    apps::{AppsPage, AppsQuery},
    people::NewUser as NewPortalUser,
    rotation::{End, Move, RotationOutcome, SigningKeyView},
    testing::TestServices,
};
use jiff::SignedDuration;
use sandbox::{Effect, Fault, NewUser};
use secrecy::ExposeSecret as _;

use crate::house::{House, days, mins};

pub(crate) const GRACE: SignedDuration = SignedDuration::from_hours(24);

/// Works off what rotations have to do, as the server's task does.
pub(crate) async fn rotate(portal: &TestServices) {
    for _ in 0..10 {
        if portal.rotate_due().await.unwrap() == 0 {
            return;
        }
    }
    panic!("the rotation does not come to rest");
}

pub(crate) async fn view(h: &House) -> SigningKeyView {
    h.portal.signing_key_view(&h.ada).await.unwrap()
}

pub(crate) async fn active(h: &House) -> String {
    view(h).await.active.kid
}

/// The key ids of the tenant's identity providers, oldest first.
pub(crate) fn kids(h: &House) -> Vec<String> {
    h.world.idps(&h.tenant).into_iter().map(|i| i.kid).collect()
}

pub(crate) fn logins(h: &House, kid: &str) -> u64 {
    h.world.idps(&h.tenant).iter().find(|i| i.kid == kid).map_or(0, |i| i.logins)
}

/// A user of the portal and of the Qlik tenant who never signed in there.
pub(crate) async fn newcomer(h: &House, name: &str) -> Actor {
    let email = format!("{name}@acme.example");
    h.world.add_user(&h.tenant, NewUser::new(&email));
    let new = NewPortalUser { email, name: name.to_owned(), role: Role::User };
    let link = h.portal.add_user(&h.ada, new).await.unwrap();
    h.portal
        .accept_invitation(link.token.expose_secret(), "a long enough password".to_owned().into())
        .await
        .unwrap()
}

/// Looks at the apps, which must succeed.
pub(crate) async fn works(portal: &TestServices, who: &Actor, what: &str) {
    match portal.my_apps(who, AppsQuery::default()).await.unwrap() {
        AppsPage::Apps { .. } => {}
        AppsPage::Trouble(t) => panic!("{what}: {t:?}"),
    }
}

/// A connected portal whose identity provider the portal made itself.
pub(crate) async fn house() -> House {
    let h = House::new().await;
    assert!(h.save().await.saved);
    h.portal.create_identity_provider(&h.ada).await.unwrap();
    h
}

pub(crate) async fn asked(h: &House, wish: Move) -> RotationOutcome {
    let end = h.portal.move_rotation(&h.ada, wish).await.unwrap();
    assert!(end.says.ends_with('.'), "{}", end.says);
    end.outcome
}

/// Brings the rotation to where the new key is ready: the old and the new key id.
pub(crate) async fn ready(h: &House) -> (String, String) {
    let old = active(h).await;
    let end = h.portal.begin_rotation(&h.ada).await.unwrap();
    assert_eq!(end.outcome, RotationOutcome::Done, "{}", end.says);
    let new = view(h).await.rotation.unwrap().new_kid;
    (old, new)
}

#[tokio::test]
async fn users_work_on_and_new_ones_sign_in_in_every_phase() {
    for deleting_ends_sessions in [false, true] {
        let h = house().await;
        h.world.switch(|s| s.deleted_idp_ends_sessions = deleting_ends_sessions);
        let bea = newcomer(&h, "bea").await;
        works(&h.portal, &bea, "before").await;

        let (old, new) = ready(&h).await;
        assert_eq!(kids(&h), [old.as_str(), new.as_str()]);
        assert_eq!(active(&h).await, old, "nothing has changed for users");
        assert_eq!(logins(&h, &new), 1, "the new key was proved by a login");
        works(&h.portal, &newcomer(&h, "first").await, "ready").await;
        assert_eq!(logins(&h, &new), 1, "users sign in with the old key");

        assert_eq!(asked(&h, Move::Switch).await, RotationOutcome::Done);
        assert_eq!(active(&h).await, new);
        let before = (logins(&h, &old), logins(&h, &new));
        works(&h.portal, &newcomer(&h, "second").await, "switched").await;
        assert_eq!((logins(&h, &old), logins(&h, &new)), (before.0, before.1 + 1));

        assert_eq!(asked(&h, Move::Back).await, RotationOutcome::Done);
        assert_eq!(active(&h).await, old);
        let before = logins(&h, &new);
        works(&h.portal, &newcomer(&h, "third").await, "back").await;
        assert_eq!(logins(&h, &new), before);

        assert_eq!(asked(&h, Move::Switch).await, RotationOutcome::Done);
        let every: u64 = h.world.idps(&h.tenant).iter().map(|i| i.logins).sum();
        works(&h.portal, &bea, "switched").await;
        let now: u64 = h.world.idps(&h.tenant).iter().map(|i| i.logins).sum();
        assert_eq!(now, every, "an open session goes on");

        assert_eq!(asked(&h, Move::Retire).await, RotationOutcome::Done);
        assert_eq!(kids(&h), [new.as_str()], "the old provider is gone");
        works(&h.portal, &bea, "retired").await;
        works(&h.portal, &newcomer(&h, "fourth").await, "retired").await;
        assert_eq!(active(&h).await, new);
        let rotation = view(&h).await.rotation.unwrap();
        assert!(matches!(rotation.ended, Some((End::Retired, _))) && rotation.left.is_none());
        let open = h.world.sessions(&h.tenant).len();
        assert!(open <= 6, "the sessions of proofs were closed: {open} are open");
        // And once more, from where it stands now.
        let (second, third) = ready(&h).await;
        assert_eq!((second.as_str(), kids(&h).len()), (new.as_str(), 2));
        assert_ne!(third, old);
    }
}

#[tokio::test]
async fn the_old_key_is_kept_for_its_grace_then_retired_by_itself_and_wiped() {
    let h = house().await;
    let (old, new) = ready(&h).await;
    asked(&h, Move::Switch).await;
    let next = view(&h).await.rotation.unwrap().next.unwrap();
    assert_eq!(next.0, h.portal.now() + GRACE);
    h.advance(GRACE - mins(1));
    rotate(&h.portal).await;
    assert_eq!(kids(&h), [old.as_str(), new.as_str()]);
    let before = logins(&h, &new);
    h.advance(mins(1));
    rotate(&h.portal).await;
    assert_eq!(kids(&h), [new.as_str()]);
    assert_eq!(logins(&h, &new), before + 1, "it was proved once more");
    assert_eq!(h.portal.stored_signing_keys().await.unwrap(), [new], "the old private key is gone");
}

#[tokio::test]
async fn every_move_is_in_the_audit() {
    let h = house().await;
    ready(&h).await;
    asked(&h, Move::Switch).await;
    asked(&h, Move::Back).await;
    asked(&h, Move::Switch).await;
    asked(&h, Move::Retire).await;
    ready(&h).await;
    asked(&h, Move::Undo).await;
    let mut rows = h.portal.audit_page(&h.ada, None, 100).await.unwrap();
    rows.reverse();
    let what: Vec<(String, String)> = rows
        .into_iter()
        .filter(|r| r.action.starts_with("signing_key.") || r.action == "identity_provider.created")
        .map(|r| {
            let wish = r.detail["move"].as_str().map_or(String::new(), |m| format!(" {m}"));
            (r.actor_name, format!("{}{wish}", r.action.trim_start_matches("signing_key.")))
        })
        .collect();
    let wanted = [
        ("Ada", "identity_provider.created"),
        ("Ada", "begun"),
        ("Qonduit", "identity_provider.created"),
        ("Qonduit", "ready"),
        ("Ada", "asked switch"),
        ("Qonduit", "switched"),
        ("Ada", "asked switch_back"),
        ("Qonduit", "switched_back"),
        ("Ada", "asked switch"),
        ("Qonduit", "switched"),
        ("Ada", "asked retire"),
        ("Qonduit", "retired"),
        ("Ada", "begun"),
        ("Qonduit", "identity_provider.created"),
        ("Qonduit", "ready"),
        ("Ada", "asked undo"),
        ("Qonduit", "undone"),
    ];
    assert_eq!(what, wanted.map(|(who, what)| (who.to_owned(), what.to_owned())));
}

#[tokio::test]
async fn calling_it_off_deletes_the_second_provider_and_wipes_the_new_key() {
    let h = house().await;
    let (old, _) = ready(&h).await;
    assert_eq!(asked(&h, Move::Undo).await, RotationOutcome::Done);
    assert_eq!(kids(&h), [old.as_str()]);
    assert_eq!(h.portal.stored_signing_keys().await.unwrap(), [old]);
    works(&h.portal, &newcomer(&h, "bea").await, "undone").await;
    let rotation = view(&h).await.rotation.unwrap();
    assert!(matches!(rotation.ended, Some((End::Undone, _))));
    assert!(rotation.moves.is_empty());
}

#[tokio::test]
async fn what_the_phase_does_not_allow_is_a_conflict_and_changes_nothing() {
    let h = house().await;
    let end = h.portal.move_rotation(&h.ada, Move::Switch).await;
    assert!(matches!(end, Err(Error::NotFound)), "no rotation is under way");
    ready(&h).await;
    assert!(matches!(h.portal.begin_rotation(&h.ada).await, Err(Error::Conflict(_))));
    for wish in [Move::Back, Move::Retire, Move::Check] {
        assert!(matches!(h.portal.move_rotation(&h.ada, wish).await, Err(Error::Conflict(_))), "{wish:?}");
    }
    asked(&h, Move::Switch).await;
    for wish in [Move::Switch, Move::Undo] {
        assert!(matches!(h.portal.move_rotation(&h.ada, wish).await, Err(Error::Conflict(_))), "{wish:?}");
    }
    assert_eq!(kids(&h).len(), 2);
}

#[tokio::test]
async fn nobody_but_an_administrator_may_touch_the_signing_key() {
    let h = house().await;
    let user = Actor { role: Role::User, ..h.ada.clone() };
    assert!(matches!(h.portal.signing_key_view(&user).await, Err(Error::NotAllowed)));
    assert!(matches!(h.portal.begin_rotation(&user).await, Err(Error::NotAllowed)));
    for wish in Move::ALL {
        assert!(matches!(h.portal.move_rotation(&user, wish).await, Err(Error::NotAllowed)));
    }
}

#[tokio::test]
async fn a_portal_that_is_not_connected_has_nothing_to_rotate() {
    let h = House::new().await;
    assert!(matches!(h.portal.begin_rotation(&h.ada).await, Err(Error::NotFound)));
    assert!(view(&h).await.tenant_host.is_none());
}

#[tokio::test]
async fn a_rotation_is_advised_from_thirty_days_before_the_certificate_ends() {
    let h = house().await;
    assert!(!view(&h).await.ends_soon);
    h.portal.clock.set(view(&h).await.active.not_after - days(31));
    assert!(!view(&h).await.ends_soon);
    h.portal.clock.advance(days(1));
    assert!(view(&h).await.ends_soon);
    h.portal.clock.advance(days(40));
    assert!(view(&h).await.ends_soon, "an ended one too");
}

#[tokio::test]
async fn a_sign_in_that_began_with_the_old_key_ends_well_though_that_is_retired_meanwhile() {
    let h = house().await;
    let bea = newcomer(&h, "bea").await;
    ready(&h).await;
    asked(&h, Move::Switch).await;
    asked(&h, Move::Back).await;
    asked(&h, Move::Switch).await;
    asked(&h, Move::Back).await;
    h.world.clear_log();
    let login = Fault::new("/login/jwt-session", Effect::DelayBefore { ms: 2_000 }).on("POST").once();
    h.world.add_fault(login);
    let meanwhile = async {
        while !h.world.log().iter().any(|e| e.path == "/login/jwt-session") {
            tokio::task::yield_now().await;
        }
        asked(&h, Move::Switch).await;
        asked(&h, Move::Retire).await
    };
    let (retired, ()) = tokio::join!(meanwhile, works(&h.portal, &bea, "under way"));
    assert_eq!(retired, RotationOutcome::Done);
}
