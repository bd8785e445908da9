//! A change of mind: staged, compared, switched to, taken back.

use backend::{
    Actor, Error, Role,
    change::{ChangeView, SwitchEnd},
    integration::SaveInput,
    matching::Verdict,
    people::NewUser as NewPortalUser,
};
use sandbox::{Effect, Fault, NewTenant, NewUser, TenantRef, UserRef};

use crate::house::{HOST, House, ORIGIN, days, mins};

const OTHER: &str = "globex.us.qlikcloud.com";

/// Another Qlik tenant, ready to be connected to.
struct Globex {
    tenant: TenantRef,
    ada: UserRef,
    key_id: String,
    input: SaveInput,
}

async fn globex(h: &House) -> Globex {
    let tenant = h.world.add_tenant(NewTenant::new("globex", "us"));
    h.world.set_key_config(&tenant, days(30), 5);
    let ada = h.world.add_user(&tenant, NewUser::admin("ada@acme.example"));
    let web = h.world.add_web_integration(&tenant, "Portal", [ORIGIN]);
    let (key_id, token) = h.world.create_key(&ada, "other", days(20));
    let view = h.portal.settings_view(&h.ada).await.unwrap().identity;
    h.world.add_jwt_idp(&tenant, &view.issuer, &view.kid, &view.certificate_pem);
    let input = SaveInput {
        tenant_host: OTHER.to_owned(),
        web_integration_id: web,
        api_key: Some(token.into()),
        ..h.input()
    };
    Globex { tenant, ada, key_id, input }
}

async fn stage(h: &House, input: SaveInput) -> ChangeView {
    let end = h.portal.save_integration(&h.ada, input).await.unwrap();
    assert!(end.staged && !end.saved, "{end:#?}");
    change(h).await
}

async fn change(h: &House) -> ChangeView {
    h.portal.change_view(&h.ada, 1).await.unwrap().unwrap()
}

async fn compared(h: &House) -> ChangeView {
    while h.portal.compare_due(&|| false).await.unwrap() > 0 {}
    change(h).await
}

async fn switch(h: &House, change: &ChangeView) -> SwitchEnd {
    h.portal.switch_to_staged(&h.ada, &change.id).await.unwrap()
}

async fn back(h: &House) -> SwitchEnd {
    let way = h.portal.way_back(&h.ada).await.unwrap().unwrap();
    h.portal.go_back(&h.ada, &way.id).await.unwrap()
}

async fn person(h: &House, email: &str) {
    let new = NewPortalUser { email: email.to_owned(), name: email.to_owned(), role: Role::User };
    h.portal.add_user(&h.ada, new).await.unwrap();
}

async fn host(h: &House) -> String {
    h.portal.settings_view(&h.ada).await.unwrap().form.unwrap().tenant_host
}

fn only(id: &str) -> Vec<String> {
    vec![id.to_owned()]
}

/// Ids of the live keys of a Qlik user.
fn live(h: &House, of: &UserRef) -> Vec<String> {
    h.world.live_keys(of).into_iter().map(|k| k.id).collect()
}

#[tokio::test]
async fn another_tenant_is_staged_switched_to_and_taken_back_with_its_own_key() {
    let h = House::connected().await;
    let g = globex(&h).await;
    let staged = stage(&h, g.input).await;
    assert_eq!((staged.now.tenant_host.as_str(), staged.then.tenant_host.as_str()), (HOST, OTHER));
    assert!(staged.other_tenant && staged.report.ok);
    assert_eq!(staged.key.as_ref().map(|k| k.owner.as_str()), Some("ada@acme.example"));
    assert_eq!(host(&h).await, HOST, "nothing is in force yet");
    assert!(h.portal.way_back(&h.ada).await.unwrap().is_none());

    assert!(switch(&h, &staged).await.switched);
    assert_eq!(host(&h).await, OTHER);
    assert_eq!(h.status().await.key.key_id, g.key_id);
    assert!(h.portal.change_view(&h.ada, 1).await.unwrap().is_none());
    h.settle().await;
    assert_eq!(live(&h, &h.qlik_ada), only(&h.key_id), "the old key is kept for the way back");

    assert!(back(&h).await.switched);
    assert_eq!((host(&h).await.as_str(), h.status().await.key.key_id), (HOST, h.key_id.clone()));
    h.settle().await;
    assert_eq!(live(&h, &g.ada), only(&g.key_id), "one can also go forth again");
    assert!(back(&h).await.switched);
    assert_eq!((host(&h).await.as_str(), h.status().await.key.key_id), (OTHER, g.key_id));
}

#[tokio::test]
async fn what_was_allowed_in_a_tenant_comes_back_with_it() {
    let h = House::connected().await;
    h.portal.allow_at_sign_in(&h.ada, &h.tenant.id, true, false).await.unwrap();
    let g = globex(&h).await;
    let staged = stage(&h, g.input).await;
    assert!(switch(&h, &staged).await.switched);
    let create = |view: backend::matching::MatchingView| view.allowed.unwrap().rules.create;
    assert!(!create(h.portal.matching_view(&h.ada).await.unwrap()));
    assert!(back(&h).await.switched);
    assert!(create(h.portal.matching_view(&h.ada).await.unwrap()));
}

#[tokio::test]
async fn a_renewal_that_waits_for_qlik_holds_up_a_switch_to_another_tenant() {
    let h = House::connected().await;
    let g = globex(&h).await;
    let staged = stage(&h, g.input).await;
    h.world.add_fault(Fault::new("/api/v1/api-keys$", Effect::HangForever).on("POST").once());
    let mut changes = h.portal.subscribe(&h.ada.portal.id);
    let (services, ada) = (h.portal.services.clone(), h.ada.clone());
    let renewing = tokio::spawn(async move { services.renew_now(&ada).await });
    while h.status().await.running.is_none() {
        changes.changed().await.unwrap();
    }
    let end = h.portal.switch_to_staged(&h.ada, &staged.id).await;
    assert!(matches!(end, Err(Error::Conflict("a renewal is under way"))), "{end:?}");
    assert_eq!(host(&h).await, HOST);
    renewing.abort();
}

#[tokio::test]
async fn the_kept_key_is_deleted_at_qlik_when_the_time_to_go_back_is_over_and_not_before() {
    let h = House::connected().await;
    let g = globex(&h).await;
    let staged = stage(&h, g.input).await;
    assert!(switch(&h, &staged).await.switched);
    let way = h.portal.way_back(&h.ada).await.unwrap().unwrap();
    assert!(way.keeps_key);
    // The old key has three days, which is less than a week.
    assert_eq!(way.until, h.portal.now() + days(3));
    h.advance(days(2));
    h.settle().await;
    assert_eq!(live(&h, &h.qlik_ada), only(&h.key_id));
    h.portal.close_way_back(&h.ada).await.unwrap();
    h.settle().await;
    assert!(live(&h, &h.qlik_ada).is_empty());
    assert!(h.portal.way_back(&h.ada).await.unwrap().is_none());
    assert!(matches!(h.portal.go_back(&h.ada, &way.id).await, Err(Error::NotFound)));
    assert_eq!(live(&h, &g.ada), only(&g.key_id));
}

#[tokio::test]
async fn a_renewal_meanwhile_leaves_the_kept_key_alone_and_the_change_with_its_own_tenant() {
    let h = House::connected().await;
    let g = globex(&h).await;
    let staged = stage(&h, g.input).await;
    assert!(switch(&h, &staged).await.switched);
    let renewed = h.portal.renew_now(&h.ada).await.unwrap();
    assert_eq!(renewed.outcome, backend::renewal::RenewalOutcome::Renewed, "{renewed:?}");
    h.advance(mins(30));
    h.settle().await;
    let now = h.status().await.key.key_id;
    assert_ne!(now, g.key_id);
    assert_eq!(live(&h, &g.ada), only(&now));
    assert_eq!(live(&h, &h.qlik_ada), only(&h.key_id));
    assert!(back(&h).await.switched);
    assert_eq!(h.status().await.key.key_id, h.key_id);
}

#[tokio::test]
async fn a_third_tenant_ends_the_way_back_to_the_first() {
    let h = House::connected().await;
    let g = globex(&h).await;
    let staged = stage(&h, g.input).await;
    assert!(switch(&h, &staged).await.switched);
    // Back by hand rather than by the click: the same settings as before, staged like any other.
    let again = stage(&h, h.input()).await;
    assert!(switch(&h, &again).await.switched);
    h.settle().await;
    assert_eq!(live(&h, &h.qlik_ada), only(&h.key_id));
    let initech = h.world.add_tenant(NewTenant::new("initech", "us"));
    let ada = h.world.add_user(&initech, NewUser::admin("ada@acme.example"));
    let web = h.world.add_web_integration(&initech, "Portal", [ORIGIN]);
    let (_, token) = h.world.create_key(&ada, "third", days(20));
    let view = h.portal.settings_view(&h.ada).await.unwrap().identity;
    h.world.add_jwt_idp(&initech, &view.issuer, &view.kid, &view.certificate_pem);
    let input = SaveInput {
        tenant_host: "initech.us.qlikcloud.com".to_owned(),
        web_integration_id: web,
        api_key: Some(token.into()),
        ..h.input()
    };
    h.change(input).await;
    h.settle().await;
    assert!(live(&h, &g.ada).is_empty(), "nobody can go back to it any more");
    assert_eq!(live(&h, &h.qlik_ada), only(&h.key_id));
    assert_eq!(h.portal.way_back(&h.ada).await.unwrap().unwrap().form.tenant_host, HOST);
}

#[tokio::test]
async fn the_page_says_which_users_would_break() {
    let h = House::connected().await;
    let g = globex(&h).await;
    for email in ["bea@acme.example", "carl@acme.example", "dora@acme.example", "eve@acme.example"] {
        person(&h, email).await;
    }
    for email in ["bea@acme.example", "carl@acme.example"] {
        h.world.add_user(&h.tenant, NewUser::new(email));
    }
    for email in ["bea@acme.example", "dora@acme.example"] {
        h.world.add_user(&g.tenant, NewUser::new(email));
    }
    stage(&h, g.input).await;
    let seen = compared(&h).await.breaks.unwrap();
    // Ada and Bea are in both, Carl in the first, Dora in the second, Eve in none.
    assert_eq!((seen.broken, seen.unknown, seen.neither, seen.gained, seen.all), (1, 0, 1, 1, 5));
    let carl = &seen.rows[0];
    assert_eq!((carl.email.as_str(), seen.rows.len()), ("carl@acme.example", 1));
    assert_eq!((carl.today, carl.after), (Some(Verdict::Matched), Verdict::NoUser));

    // After the switch the comparison that was made for it is the portal's.
    let staged = change(&h).await;
    assert!(switch(&h, &staged).await.switched);
    let counts = h.portal.matching_view(&h.ada).await.unwrap().counts;
    assert_eq!(counts, [(Verdict::NoUser, 2), (Verdict::Matched, 3)]);
}

#[tokio::test]
async fn where_the_tenant_in_force_does_not_answer_it_is_said_that_today_is_not_known() {
    let h = House::connected().await;
    let g = globex(&h).await;
    person(&h, "carl@acme.example").await;
    stage(&h, g.input).await;
    h.world.revoke_key(&h.key_id);
    let seen = compared(&h).await;
    assert!(seen.today.as_ref().and_then(|r| r.says.as_deref()).is_some(), "{seen:#?}");
    let breaks = seen.breaks.unwrap();
    assert_eq!((breaks.broken, breaks.unknown, breaks.all), (0, 1, 2));
    assert_eq!((breaks.rows[0].email.as_str(), breaks.rows[0].today), ("carl@acme.example", None));
}

#[tokio::test]
async fn a_web_integration_is_changed_and_taken_back_with_the_key_that_is_in_use_then() {
    let h = House::connected().await;
    let second = h.world.add_web_integration(&h.tenant, "Second", [ORIGIN]);
    let staged =
        stage(&h, SaveInput { web_integration_id: second.clone(), api_key: None, ..h.input() }).await;
    assert!(!staged.other_tenant && staged.key.is_none());
    // The key is replaced before the switch, and after it.
    for turn in ["before", "after"] {
        let renewed = h.portal.renew_now(&h.ada).await.unwrap();
        assert_eq!(renewed.outcome, backend::renewal::RenewalOutcome::Renewed, "{turn}: {renewed:?}");
        h.advance(mins(30));
        h.settle().await;
        if turn == "before" {
            assert!(switch(&h, &staged).await.switched);
        }
    }
    let web = |h: &House| {
        let (portal, ada) = (h.portal.clone(), h.ada.clone());
        async move { portal.settings_view(&ada).await.unwrap().form.unwrap().web_integration_id }
    };
    assert_eq!(web(&h).await, second);
    let key = h.status().await.key.key_id;
    assert!(back(&h).await.switched);
    assert_eq!((web(&h).await, h.status().await.key.key_id), (h.web.clone(), key));
    assert_eq!(h.live().len(), 1);
}

#[tokio::test]
async fn a_change_that_no_longer_works_changes_nothing_and_says_why() {
    let h = House::connected().await;
    let g = globex(&h).await;
    let staged = stage(&h, g.input).await;
    h.world.revoke_key(&g.key_id);
    let end = switch(&h, &staged).await;
    assert!(!end.switched);
    assert!(end.report.checks.iter().any(|c| c.outcome == backend::integration::Outcome::Failed));
    assert_eq!((host(&h).await.as_str(), h.status().await.key.key_id), (HOST, h.key_id.clone()));
    let tested = h.portal.test_staged(&h.ada).await.unwrap();
    assert!(!tested.ok && !change(&h).await.report.ok);
    let after = compared(&h).await.after.unwrap();
    assert!(after.says.unwrap().contains("the API key of this change"));
    assert!(h.status().await.needs_person.is_none(), "the key in use is not doubted");
    // The way back is tested as well.
    let h = House::connected().await;
    let g = globex(&h).await;
    let staged = stage(&h, g.input).await;
    assert!(switch(&h, &staged).await.switched);
    h.world.revoke_key(&h.key_id);
    assert!(!back(&h).await.switched);
    assert_eq!(host(&h).await, OTHER);
}

#[tokio::test]
async fn a_tenant_without_the_identity_provider_gets_it_before_the_switch_and_loses_it_with_the_change() {
    let h = House::connected().await;
    let g = globex(&h).await;
    for idp in h.world.idps(&g.tenant) {
        h.world.delete_idp(&idp.id);
    }
    let staged = stage(&h, g.input).await;
    assert!(staged.report.identity_missing);
    assert!(!switch(&h, &staged).await.switched, "nobody could sign in");
    assert_eq!(host(&h).await, HOST);
    assert!(!h.portal.create_staged_provider(&h.ada).await.unwrap().identity_missing);
    assert_eq!(h.world.idps(&g.tenant).len(), 1);
    // Given up, it leaves nothing.
    assert_eq!(h.portal.discard_staged(&h.ada).await.unwrap(), None);
    assert!(h.world.idps(&g.tenant).is_empty());

    let again = h.world.create_key(&g.ada, "again", days(20)).1;
    let input = SaveInput {
        tenant_host: OTHER.to_owned(),
        web_integration_id: staged.then.web_integration_id,
        api_key: Some(again.into()),
        ..h.input()
    };
    let staged = stage(&h, input).await;
    h.portal.create_staged_provider(&h.ada).await.unwrap();
    assert!(switch(&h, &staged).await.switched);
    let made = h.portal.settings_view(&h.ada).await.unwrap().identity.idp_id;
    assert_eq!(made, Some(h.world.idps(&g.tenant)[0].id.clone()), "it is ours to remove");
}

#[tokio::test]
async fn what_was_not_seen_is_not_switched_to_and_nobody_else_may() {
    let h = House::connected().await;
    let g = globex(&h).await;
    let seen = stage(&h, g.input).await;
    let second = h.world.add_web_integration(&h.tenant, "Second", [ORIGIN]);
    stage(&h, SaveInput { web_integration_id: second, api_key: None, ..h.input() }).await;
    let end = h.portal.switch_to_staged(&h.ada, &seen.id).await;
    assert!(matches!(end, Err(Error::Conflict(_))), "{end:?}");
    let bea = Actor { role: Role::User, ..h.ada.clone() };
    let by_bea = h.portal.switch_to_staged(&bea, &seen.id).await;
    assert!(matches!(by_bea, Err(Error::NotAllowed)), "{by_bea:?}");
    assert!(matches!(h.portal.change_view(&bea, 1).await, Err(Error::NotAllowed)));
    assert!(matches!(h.portal.discard_staged(&bea).await, Err(Error::NotAllowed)));
    assert_eq!(h.portal.discard_staged(&h.ada).await.unwrap(), None);
    assert!(h.portal.change_view(&h.ada, 1).await.unwrap().is_none());
    assert!(matches!(h.portal.discard_staged(&h.ada).await, Err(Error::NotFound)));
    assert_eq!(host(&h).await, HOST);
}

#[tokio::test]
async fn a_change_that_nobody_switches_to_is_forgotten_with_its_key_after_a_week() {
    let h = House::connected().await;
    let g = globex(&h).await;
    stage(&h, g.input).await;
    h.advance(days(6));
    h.settle().await;
    assert!(h.portal.change_view(&h.ada, 1).await.unwrap().is_some());
    h.advance(days(1));
    h.portal.tick().await.unwrap();
    assert!(h.portal.change_view(&h.ada, 1).await.unwrap().is_none());
    assert_eq!(live(&h, &g.ada), only(&g.key_id), "a key that was never used is its maker's");
}

#[tokio::test]
async fn a_clock_that_is_put_back_a_little_ends_neither_a_change_nor_the_way_back() {
    let h = House::connected().await;
    // The other tenant's key outlives the week, and so does the one that is left.
    let (_, token) = h.world.create_key(&h.qlik_ada, "longer", days(20));
    assert!(
        h.portal
            .save_integration(&h.ada, SaveInput { api_key: Some(token.into()), ..h.input() })
            .await
            .unwrap()
            .saved
    );
    let g = globex(&h).await;
    let staged = stage(&h, g.input).await;
    h.portal.clock.advance(mins(-2));
    h.portal.tick().await.unwrap();
    assert!(h.portal.change_view(&h.ada, 1).await.unwrap().is_some());
    h.portal.clock.advance(mins(2));
    assert!(switch(&h, &staged).await.switched);
    h.portal.clock.advance(mins(-2));
    h.portal.tick().await.unwrap();
    assert!(h.portal.way_back(&h.ada).await.unwrap().is_some());
}

#[tokio::test]
async fn disconnecting_deletes_the_kept_key_too_where_that_is_wished() {
    let h = House::connected().await;
    let g = globex(&h).await;
    let staged = stage(&h, g.input).await;
    assert!(switch(&h, &staged).await.switched);
    let end = h.portal.disconnect(&h.ada, true, false).await.unwrap();
    assert!(end.disconnected, "{end:?}");
    assert!(live(&h, &h.qlik_ada).is_empty() && live(&h, &g.ada).is_empty());
}
