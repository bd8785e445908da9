//! Administrators ask users to do their part, until it is done.

use backend::{Error, Role, connection::AuthOption, integration::SaveInput};
use sandbox::NewAccount;

use crate::{
    house::House,
    linking::user,
    registering::{BEA, RIGHT, Scene},
};

async fn credentials(h: &House) {
    let input = SaveInput { auth_option: "credentials".to_owned(), api_key: None, ..h.input() };
    assert!(h.portal.save_integration(&h.ada, input).await.unwrap().saved);
}

#[tokio::test]
async fn who_is_asked_sees_it_until_it_is_done() {
    let s = Scene::new().await;
    let (h, bea) = (&s.h, &s.bea);
    assert_eq!(h.portal.my_ask(bea).await.unwrap(), None);
    h.portal.ask_user(&h.ada, &bea.user_id).await.unwrap();
    let ask = h.portal.my_ask(bea).await.unwrap().unwrap();
    assert_eq!((ask.option, ask.by.as_deref()), (AuthOption::Credentials, Some("Ada")));
    assert_eq!(ask.since, h.portal.now());
    assert!(h.portal.asked(&h.ada).await.unwrap().contains(&bea.user_id));
    assert_eq!(h.portal.my_ask(&h.ada).await.unwrap(), None, "nobody else");
    assert!(s.save(RIGHT).await.stored);
    assert_eq!(h.portal.my_ask(bea).await.unwrap(), None);
    // Should it work no more, they are still asked.
    h.portal.remove_credentials(bea).await.unwrap();
    assert!(h.portal.my_ask(bea).await.unwrap().is_some());
}

#[tokio::test]
async fn all_others_are_asked_who_have_not_done_it_and_nobody_else() {
    let s = Scene::new().await;
    assert!(s.save(RIGHT).await.stored);
    let carl = user(&s.h, "carl@acme.example").await;
    assert_eq!(s.h.portal.ask_all(&s.h.ada).await.unwrap(), 1, "Carl; who asks needs no notice");
    let asked = s.h.portal.asked(&s.h.ada).await.unwrap();
    assert!(
        asked.contains(&carl.user_id) && !asked.contains(&s.bea.user_id) && !asked.contains(&s.h.ada.user_id)
    );
    s.h.portal.disable_user(&s.h.ada, &carl.user_id).await.unwrap();
    assert!(matches!(s.h.portal.ask_user(&s.h.ada, &carl.user_id).await, Err(Error::NotFound)), "disabled");
}

#[tokio::test]
async fn where_users_have_nothing_to_do_nobody_is_asked_and_an_ask_ends_with_its_option() {
    let h = House::new().await;
    credentials(&h).await;
    h.portal.ask_user(&h.ada, &h.ada.user_id).await.unwrap();
    assert!(h.portal.my_ask(&h.ada).await.unwrap().is_some());
    h.identity_provider().await;
    h.change(h.input()).await;
    assert_eq!(h.portal.my_ask(&h.ada).await.unwrap(), None);
    assert!(h.portal.asked(&h.ada).await.unwrap().is_empty());
    assert!(matches!(h.portal.ask_user(&h.ada, &h.ada.user_id).await, Err(Error::NotFound)));
    assert_eq!(h.portal.ask_all(&h.ada).await.unwrap(), 0);
}

#[tokio::test]
async fn only_an_administrator_asks() {
    let h = House::new().await;
    h.world.add_account(NewAccount::new(BEA, RIGHT));
    credentials(&h).await;
    let bea = user(&h, BEA).await;
    assert_eq!(bea.role, Role::User);
    assert!(matches!(h.portal.ask_user(&bea, &h.ada.user_id).await, Err(Error::NotAllowed)));
    assert!(matches!(h.portal.ask_all(&bea).await, Err(Error::NotAllowed)));
    assert!(matches!(h.portal.asked(&bea).await, Err(Error::NotAllowed)));
}
