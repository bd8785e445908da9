//! The life of an API key.

use jiff::SignedDuration;
use qlik::{ApiKeyConfig, ApiKeyConfigChange, ApiKeyQuery, ErrorKind, KeyStatus, NewApiKey};
use sandbox::{Effect, Fault};

use crate::scene::Scene;

fn three_days(description: &str) -> NewApiKey {
    NewApiKey { description: description.into(), lifetime: SignedDuration::from_hours(72) }
}

#[tokio::test]
async fn a_key_makes_its_successor_which_then_deletes_it() {
    let scene = Scene::new().await;
    let (old_id, old) = scene.key(&scene.ada);
    let created = scene.qlik.with_key(&scene.host, old).create_api_key(&three_days("next")).await.unwrap();
    assert_eq!(created.key.description, "next");
    assert_eq!(created.key.status, KeyStatus::Active);
    assert_eq!(created.key.sub, scene.ada.id);
    assert_eq!(created.key.tenant_id.as_ref(), Some(&scene.acme.id));
    assert_eq!(created.key.expiry, scene.world.now() + SignedDuration::from_hours(72));
    assert_eq!(created.key.created, Some(scene.world.now()));
    assert_eq!(created.token.claims().jti.as_ref(), Some(&created.key.id));
    assert_eq!(created.token.claims().tenant_id.as_ref(), Some(&scene.acme.id));

    let tenant = scene.qlik.with_key(&scene.host, created.token.into());
    assert_eq!(tenant.user_me().await.unwrap().id, scene.ada.id);
    tenant.delete_api_key(&old_id).await.unwrap();
    assert_eq!(tenant.delete_api_key(&old_id).await.unwrap_err().kind(), ErrorKind::NotFound);
    let live: Vec<_> = scene.world.live_keys(&scene.ada).into_iter().map(|k| k.description).collect();
    assert_eq!(live, ["next"]);
}

#[tokio::test]
async fn a_lifetime_that_is_no_whole_day_is_understood_too() {
    let scene = Scene::new().await;
    let lifetime = SignedDuration::from_mins(25 * 60 + 30);
    let new = NewApiKey { description: "odd".into(), lifetime };
    let created = scene.tenant(&scene.ada).create_api_key(&new).await.unwrap();
    assert_eq!(created.key.expiry, scene.world.now() + lifetime);
}

#[tokio::test]
async fn a_key_is_looked_up_by_the_id_in_its_token() {
    let scene = Scene::new().await;
    let (id, token) = scene.key(&scene.ada);
    let tenant = scene.qlik.with_key(&scene.host, token.clone());
    let key = tenant.api_key(token.claims().jti.as_deref().unwrap()).await.unwrap();
    assert_eq!((key.id, key.sub, key.sub_type.as_str()), (id, scene.ada.id.clone(), "user"));
    assert_eq!(tenant.api_key("no such key").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_key_can_be_renamed() {
    let scene = Scene::new().await;
    let (id, token) = scene.key(&scene.ada);
    let tenant = scene.qlik.with_key(&scene.host, token);
    tenant.rename_api_key(&id, "caf\u{e9} \"1\"").await.unwrap();
    assert_eq!(tenant.api_key(&id).await.unwrap().description, "caf\u{e9} \"1\"");
}

#[tokio::test]
async fn keys_are_listed_whole_and_filtered() {
    let scene = Scene::new().await;
    for _ in 0..120 {
        scene.key(&scene.ada);
    }
    let (revoked, _) = scene.key(&scene.bea);
    scene.world.revoke_key(&revoked);
    let tenant = scene.tenant(&scene.ada);
    let list = async |query: ApiKeyQuery| tenant.api_keys(&query).await.unwrap();

    assert_eq!(list(ApiKeyQuery::default()).await.len(), 122);
    let own = ApiKeyQuery { sub: Some(scene.ada.id.clone()), ..ApiKeyQuery::default() };
    assert_eq!(list(own.clone()).await.len(), 121);
    let dead = ApiKeyQuery { status: Some(KeyStatus::Revoked), ..ApiKeyQuery::default() };
    let dead: Vec<_> = list(dead).await.into_iter().map(|k| k.id).collect();
    assert_eq!(dead, [revoked]);
    let none = ApiKeyQuery { status: Some(KeyStatus::Expired), ..own };
    assert!(list(none).await.is_empty());
}

#[tokio::test]
async fn a_user_without_the_role_can_not_list_others() {
    let scene = Scene::new().await;
    scene.world.set_manage_api_keys(&scene.bea, true);
    let query = ApiKeyQuery { created_by_user: Some(scene.ada.id.clone()), ..ApiKeyQuery::default() };
    let error = scene.tenant(&scene.bea).api_keys(&query).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert_eq!(error.operation(), "GET /api/v1/api-keys");
    assert!(error.code().is_some());
}

#[tokio::test]
async fn past_the_tenants_limits_no_key_is_made_and_the_reason_is_kept() {
    let scene = Scene::new().await;
    let tenant = scene.tenant(&scene.ada);
    let long = NewApiKey { lifetime: SignedDuration::from_hours(721), ..three_days("long") };
    let error = tenant.create_api_key(&long).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::BadRequest, Some(400)));
    assert!(error.code().unwrap().starts_with("APIKEYS-"));
    assert!(!error.may_have_happened());

    scene.world.set_key_config(&scene.acme, SignedDuration::from_hours(72), 1);
    let error = tenant.create_api_key(&three_days("one too many")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.title().unwrap().contains("limit"));
    assert_eq!(scene.world.live_keys(&scene.ada).len(), 1);
}

#[tokio::test]
async fn what_can_not_be_a_key_is_not_sent() {
    let scene = Scene::new().await;
    let tenant = scene.tenant(&scene.ada);
    for new in [
        three_days(" "),
        NewApiKey { lifetime: SignedDuration::ZERO, ..three_days("none") },
        NewApiKey { lifetime: SignedDuration::from_secs(-5), ..three_days("past") },
    ] {
        let error = tenant.create_api_key(&new).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest);
        assert!(!error.may_have_happened());
    }
    assert_eq!(tenant.delete_api_key("..").await.unwrap_err().kind(), ErrorKind::BadRequest);
    assert!(scene.asked().is_empty());
}

#[tokio::test]
async fn a_dead_key_and_a_key_of_another_tenant_are_unauthorized() {
    let scene = Scene::new().await;
    let (id, token) = scene.key(&scene.ada);
    let tenant = scene.qlik.with_key(&scene.host, token.clone());
    scene.world.revoke_key(&id);
    assert_eq!(tenant.user_me().await.unwrap_err().kind(), ErrorKind::Unauthorized);

    let globex = scene.world.add_tenant(sandbox::NewTenant::new("globex", "us"));
    let (_, token) = scene.key(&scene.ada);
    let elsewhere = scene.qlik.with_key(&globex.alias_host.parse().unwrap(), token);
    assert_eq!(elsewhere.user_me().await.unwrap_err().kind(), ErrorKind::Unauthorized);
}

#[tokio::test]
async fn the_tenants_rules_are_read_and_changed() {
    let scene = Scene::new().await;
    let tenant = scene.tenant(&scene.ada);
    let read = async || tenant.api_key_config(&scene.acme.id).await.unwrap();
    let before = ApiKeyConfig {
        max_expiry: Some(SignedDuration::from_hours(720)),
        max_keys_per_user: Some(5),
        api_keys_enabled: None,
    };
    assert_eq!(read().await, before);

    let nothing = tenant.update_api_key_config(&scene.acme.id, &ApiKeyConfigChange::default()).await;
    assert_eq!(nothing.unwrap_err().kind(), ErrorKind::BadRequest);
    let change =
        ApiKeyConfigChange { max_expiry: Some(SignedDuration::from_hours(36)), max_keys_per_user: Some(7) };
    tenant.update_api_key_config(&scene.acme.id, &change).await.unwrap();
    let after = ApiKeyConfig { max_expiry: change.max_expiry, max_keys_per_user: Some(7), ..before };
    assert_eq!(read().await, after);
}

#[tokio::test]
async fn a_lost_reply_to_a_creation_is_sent_once_and_leaves_an_orphan_that_can_be_found() {
    let scene = Scene::new().await;
    let tenant = scene.tenant(&scene.ada);
    for effect in [Effect::CutAfter, Effect::Malformed, Effect::Truncated] {
        scene.world.clear_log();
        scene.world.add_fault(Fault::new("/api/v1/api-keys$", effect.clone()).on("POST").once());
        let error = tenant.create_api_key(&three_days("tag-1")).await.unwrap_err();
        assert!(error.may_have_happened(), "{effect:?}");
        assert_eq!(scene.world.log().len(), 1, "{effect:?}");

        let keys = tenant.api_keys(&ApiKeyQuery::default()).await.unwrap();
        let orphan = keys.iter().find(|k| k.description == "tag-1").unwrap();
        tenant.delete_api_key(&orphan.id).await.unwrap();
    }
}
