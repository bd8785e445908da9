//! What monitoring reads is true of the portals' connections at that moment.

use backend::{connection::AuthOption, gauges::Connections};
use sandbox::{Effect, Fault};

use crate::house::{House, days, mins};

async fn by_key(h: &House) -> Connections {
    let gauges = h.portal.gauges().await.unwrap();
    let of = |option| gauges.connections.iter().find(|(o, _)| *o == option).unwrap().1;
    for option in AuthOption::ALL.into_iter().filter(|o| *o != AuthOption::ApiKey) {
        assert_eq!(of(option), Connections::default(), "nobody uses {option:?}");
    }
    of(AuthOption::ApiKey)
}

#[tokio::test]
async fn the_numbers_follow_a_connection_from_its_save_to_the_person_that_it_needs() {
    let h = House::new().await;
    assert_eq!(by_key(&h).await, Connections::default());
    let none = h.portal.gauges().await.unwrap();
    assert_eq!((none.first_key_expires_in, none.scheduler_age, none.most_overdue), (None, None, 0));

    let h = h.connect().await;
    let fine = Connections { all: 1, ..Connections::default() };
    assert_eq!(by_key(&h).await, fine);
    let left = h.portal.gauges().await.unwrap().first_key_expires_in.unwrap();
    assert!((left - days(3).as_secs()).abs() < 60, "{left}");

    // Nobody looks, though it is due.
    h.advance(days(2) + mins(30));
    assert!(h.portal.gauges().await.unwrap().most_overdue > 0);
    h.world.add_fault(Fault::new("/api/v1/api-keys", Effect::CutBefore).on("POST"));
    h.settle().await;
    let now = h.portal.gauges().await.unwrap();
    assert_eq!((now.scheduler_age, now.most_overdue <= 0), (Some(0), true), "{now:?}");
    assert_eq!(by_key(&h).await, Connections { renewal_failing: 1, ..fine });

    h.world.set_origins(&h.web, [""; 0]);
    h.portal.test_connection(&h.ada).await.unwrap();
    assert_eq!(by_key(&h).await, Connections { renewal_failing: 1, failing: 1, ..fine });

    h.advance(days(2));
    h.settle().await;
    let expired = by_key(&h).await;
    assert_eq!((expired.need_person, expired.renewal_failing), (1, 0), "{expired:?}");
    assert!(h.portal.gauges().await.unwrap().first_key_expires_in.unwrap() < 0);
}
