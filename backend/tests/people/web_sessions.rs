//! Browser sessions at rest.

use jiff::SignedDuration;

use crate::house::House;

const ID: [u8; 16] = *b"0123456789abcdef";
const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[tokio::test]
async fn a_session_holds_what_was_saved_last_until_it_expires() {
    let house = House::empty().await;
    let s = &house.services;
    assert_eq!(s.load_web_session(&ID).await.unwrap(), None);
    assert!(s.create_web_session(&ID, b"one", s.now() + HOUR).await.unwrap());
    assert_eq!(s.load_web_session(&ID).await.unwrap().as_deref(), Some(b"one".as_slice()));
    assert!(s.save_web_session(&ID, s.now() + HOUR * 2, |_| b"two".to_vec()).await.unwrap());
    house.clock.advance(HOUR * 2 - SignedDuration::from_secs(1));
    assert_eq!(s.load_web_session(&ID).await.unwrap().as_deref(), Some(b"two".as_slice()));
    house.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(s.load_web_session(&ID).await.unwrap(), None);
}

#[tokio::test]
async fn a_taken_id_is_not_written_over() {
    let house = House::empty().await;
    let s = &house.services;
    assert!(s.create_web_session(&ID, b"first", s.now() + HOUR).await.unwrap());
    assert!(!s.create_web_session(&ID, b"second", s.now() + HOUR).await.unwrap());
    assert_eq!(s.load_web_session(&ID).await.unwrap().as_deref(), Some(b"first".as_slice()));
}

#[tokio::test]
async fn a_save_does_not_bring_back_a_session_that_has_ended() {
    let house = House::empty().await;
    let s = &house.services;
    assert!(s.create_web_session(&ID, b"signed in", s.now() + HOUR).await.unwrap());
    s.delete_web_session(&ID).await.unwrap();
    s.delete_web_session(&ID).await.unwrap();
    assert!(!s.save_web_session(&ID, s.now() + HOUR, |_| b"late".to_vec()).await.unwrap());
    assert_eq!(s.load_web_session(&ID).await.unwrap(), None);

    assert!(s.create_web_session(&ID, b"signed in", s.now() + HOUR).await.unwrap());
    house.clock.advance(HOUR);
    assert!(!s.save_web_session(&ID, s.now() + HOUR, |_| b"late".to_vec()).await.unwrap());
    assert_eq!(s.load_web_session(&ID).await.unwrap(), None);
}

#[tokio::test]
async fn a_save_changes_what_the_session_holds_by_now() {
    let house = House::empty().await;
    let s = &house.services;
    assert!(s.create_web_session(&ID, b"one", s.now() + HOUR).await.unwrap());
    for more in [b"two", b"six"] {
        let add = |held: &[u8]| [held, more].concat();
        assert!(s.save_web_session(&ID, s.now() + HOUR, add).await.unwrap());
    }
    assert_eq!(s.load_web_session(&ID).await.unwrap().as_deref(), Some(b"onetwosix".as_slice()));
}

#[tokio::test]
async fn the_sweep_takes_the_expired_ones_and_no_other() {
    let house = House::empty().await;
    let s = &house.services;
    for n in 0..5_u8 {
        let expires = s.now() + HOUR * i32::from(n + 1);
        assert!(s.create_web_session(&[n; 16], b"x", expires).await.unwrap());
    }
    house.clock.advance(HOUR * 2);
    assert_eq!(s.sweep_web_sessions().await.unwrap(), 2);
    assert_eq!(s.sweep_web_sessions().await.unwrap(), 0);
    for n in 0..5_u8 {
        assert_eq!(s.load_web_session(&[n; 16]).await.unwrap().is_some(), n >= 2);
    }
}
