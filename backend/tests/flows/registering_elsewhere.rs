//! Qlik credentials where a sign-in leads over another name or host than was noted when
//! the settings were saved.

use backend::integration::SaveInput;
use sandbox::NewAccount;

use crate::{
    house::{House, mins},
    registering::{RIGHT, Scene, after, apps},
    registering_held::cora,
};

#[tokio::test]
async fn a_tenant_that_signs_in_by_its_own_name_is_connected_and_used_by_its_alias() {
    let h = House::new().await;
    h.world.set_signs_in_by_own_name(&h.tenant, true);
    let input = SaveInput { auth_option: "credentials".to_owned(), api_key: None, ..h.input() };
    let saved = h.portal.save_integration(&h.ada, input).await.unwrap();
    assert!(saved.saved, "{saved:#?}");
    h.world.add_account(NewAccount::new(&h.ada.email, RIGHT));
    let end = h.portal.register_credentials(&h.ada, RIGHT.to_owned().into()).await.unwrap();
    assert!(end.stored, "{end:?}");
    assert_eq!(apps(&h, &h.ada).await, Ok(2));
    h.advance(mins(60));
    assert_eq!(apps(&h, &h.ada).await, Ok(2), "by itself");
    assert_eq!(h.world.tries(&h.ada.email).tries, 2);
}

#[tokio::test]
async fn a_429_of_another_login_host_than_was_noted_at_the_save_stops_them_too() {
    let s = Scene::new().await;
    let cora = cora(&s).await;
    let mut db = s.h.portal.db().write().await.unwrap();
    sqlx::query("UPDATE integrations SET login_host = 'sso.login.example'").execute(&mut *db).await.unwrap();
    db.commit().await.unwrap();
    s.h.world.set_login_rate_limited(Some(1800));
    s.save(RIGHT).await;
    s.h.world.set_login_rate_limited(None);
    let held = s.h.portal.register_credentials(&cora, "cora's own".to_owned().into()).await;
    assert_eq!(after(&s.h, held), 60);
}
