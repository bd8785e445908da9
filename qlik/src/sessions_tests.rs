use std::sync::atomic::AtomicUsize;

use tokio::sync::Notify;

use super::*;

#[derive(Debug)]
struct Hand(Mutex<Timestamp>);

impl Hand {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new("2026-03-01T12:00:00Z".parse().unwrap())))
    }

    fn advance(&self, by: SignedDuration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

struct Bench {
    clock: Arc<Hand>,
    cache: SessionCache,
    opened: AtomicUsize,
}

#[derive(Debug, PartialEq)]
struct Refused;

impl Bench {
    fn new() -> Self {
        let clock = Hand::new();
        let limits =
            SessionLimits { idle: SignedDuration::from_mins(30), max: SignedDuration::from_hours(24) };
        let cache = SessionCache::new(Arc::clone(&clock) as Arc<dyn Clock>, limits, 1000);
        Self { clock, cache, opened: AtomicUsize::new(0) }
    }

    fn session(&self) -> QlikSession {
        let number = self.opened.fetch_add(1, Ordering::SeqCst);
        let json = serde_json::json!({
            "v": 1, "host": "acme.eu.qlikcloud.com", "user": {"id": format!("u{number}")},
            "opened_at": self.clock.now(), "cookies": [],
        });
        QlikSession::from_json(json.to_string().as_bytes()).unwrap()
    }

    async fn get(&self, key: &str) -> Arc<QlikSession> {
        self.cache.get(key, || async { Ok::<_, Refused>(self.session()) }).await.unwrap()
    }

    fn count(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_hundred_at_once_open_one_session() {
    let bench = Bench::new();
    let go = Notify::new();
    let open = || async {
        go.notified().await;
        Ok::<_, Refused>(bench.session())
    };
    let all = futures::future::join_all((0..100).map(|_| bench.cache.get("a", open)));
    let (sessions, ()) = futures::join!(all, async {
        tokio::task::yield_now().await;
        go.notify_one();
    });
    let first = sessions[0].as_ref().unwrap();
    assert!(sessions.iter().all(|s| Arc::ptr_eq(s.as_ref().unwrap(), first)));
    assert_eq!(bench.count(), 1);
}

#[tokio::test]
async fn a_failure_reaches_all_who_waited_and_is_not_kept() {
    let bench = Bench::new();
    let tries = AtomicUsize::new(0);
    let go = Notify::new();
    let fail = || async {
        tries.fetch_add(1, Ordering::SeqCst);
        go.notified().await;
        Err::<QlikSession, _>(Refused)
    };
    let all = futures::future::join_all((0..10).map(|_| bench.cache.get("a", fail)));
    let (outcomes, ()) = futures::join!(all, async {
        tokio::task::yield_now().await;
        go.notify_one();
    });
    assert!(outcomes.iter().all(|o| o.as_ref().is_err_and(|e| **e == Refused)));
    assert_eq!(tries.load(Ordering::SeqCst), 1);
    bench.get("a").await;
    assert_eq!(bench.count(), 1);
}

#[tokio::test]
async fn when_the_one_who_opens_gives_up_another_opens() {
    let bench = Bench::new();
    let mut never = Box::pin(bench.cache.get("a", std::future::pending::<Result<QlikSession, Refused>>));
    assert!(futures::poll!(&mut never).is_pending());
    let mut waiting = Box::pin(bench.get("a"));
    assert!(futures::poll!(&mut waiting).is_pending());
    drop(never);
    waiting.await;
    assert_eq!(bench.count(), 1);
}

#[tokio::test]
async fn sessions_of_different_keys_are_apart() {
    let bench = Bench::new();
    let (a, b) = (bench.get("a").await, bench.get("b").await);
    assert_ne!(a.user().id, b.user().id);
    assert_eq!(bench.count(), 2);
}

#[tokio::test]
async fn a_session_at_rest_is_dropped_a_minute_before_qlik_would() {
    let bench = Bench::new();
    let first = bench.get("a").await;
    bench.clock.advance(SignedDuration::from_secs(29 * 60 - 1));
    assert!(Arc::ptr_eq(&first, &bench.get("a").await));
    bench.clock.advance(SignedDuration::from_secs(29 * 60 - 1));
    assert!(Arc::ptr_eq(&first, &bench.get("a").await), "use keeps it");
    bench.clock.advance(SignedDuration::from_mins(29));
    assert!(!Arc::ptr_eq(&first, &bench.get("a").await));
    assert_eq!(bench.count(), 2);
}

#[tokio::test]
async fn no_session_outlives_its_maximum_however_much_it_is_used() {
    let bench = Bench::new();
    let first = bench.get("a").await;
    for _ in 0..(24 * 6 - 1) {
        bench.clock.advance(SignedDuration::from_mins(10));
        assert!(Arc::ptr_eq(&first, &bench.get("a").await));
    }
    bench.clock.advance(SignedDuration::from_mins(9));
    assert!(!Arc::ptr_eq(&first, &bench.get("a").await));
}

#[tokio::test]
async fn a_late_refusal_does_not_drop_the_session_that_came_since() {
    let bench = Bench::new();
    let first = bench.get("a").await;
    bench.cache.invalidate("a", &first).await;
    let second = bench.get("a").await;
    assert!(!Arc::ptr_eq(&first, &second));
    bench.cache.invalidate("a", &first).await;
    assert!(Arc::ptr_eq(&second, &bench.get("a").await));
    assert_eq!(bench.count(), 2);
}

#[tokio::test]
async fn a_prefix_drops_its_own_and_no_others() {
    let bench = Bench::new();
    let (a, b) = (bench.get("p1/a").await, bench.get("p2/a").await);
    bench.get("p1/b").await;
    bench.cache.invalidate_all_for("p1/").await;
    assert!(!Arc::ptr_eq(&a, &bench.get("p1/a").await));
    assert!(Arc::ptr_eq(&b, &bench.get("p2/a").await));
    bench.get("p1/b").await;
    assert_eq!(bench.count(), 5);
}

#[tokio::test]
async fn a_session_that_was_being_opened_when_its_prefix_was_dropped_is_not_kept() {
    let bench = Bench::new();
    let go = Notify::new();
    let open = || async {
        let session = bench.session();
        go.notified().await;
        Ok::<_, Refused>(session)
    };
    let (old, ()) = futures::join!(bench.cache.get("p1/a", open), async {
        bench.cache.invalidate_all_for("p1/").await;
        go.notify_one();
    });
    assert!(!Arc::ptr_eq(&old.unwrap(), &bench.get("p1/a").await));
    assert_eq!(bench.count(), 2);
}

#[tokio::test]
async fn limits_too_short_to_keep_anything_still_give_each_caller_a_session() {
    let clock = Hand::new();
    let tight = SessionLimits { idle: SignedDuration::from_secs(30), max: SignedDuration::from_secs(30) };
    let bench = Bench {
        cache: SessionCache::new(Arc::clone(&clock) as Arc<dyn Clock>, tight, 10),
        clock,
        opened: AtomicUsize::new(0),
    };
    bench.get("a").await;
    bench.get("a").await;
    assert_eq!(bench.count(), 2);
}
