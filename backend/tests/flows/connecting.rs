//! Each user connects to Qlik: there and back, and what keeps a connection alive.

use backend::oauth::GrantState;
use sandbox::Consent;

use crate::linking::{ADA, Linked};

#[tokio::test]
async fn a_user_connects_and_sees_their_apps_with_their_own_token() {
    let l = Linked::users(Consent::Trusted).await;
    let before = l.h.portal.grant_view(&l.h.ada).await.unwrap().unwrap();
    assert_eq!(before.state, GrantState::NotConnected);
    let end = l.connect(&l.h.ada, ADA).await;
    assert!(end.connected, "{end:?}");
    assert_eq!(l.ada_sees().await.unwrap().len(), 2);
    let view = l.h.portal.grant_view(&l.h.ada).await.unwrap().unwrap();
    assert_eq!((view.state, view.renews, view.says), (GrantState::Connected, true, None));
    assert_eq!(view.access_until.unwrap(), l.h.world.now() + jiff::SignedDuration::from_hours(6));
    assert_eq!(l.audited("oauth.connected").await, 1);
    assert_eq!(l.asked("/oauth/token"), 1);
}
