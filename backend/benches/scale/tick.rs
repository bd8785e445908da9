//! A look at what is due, with nothing due.

use std::time::{Duration, Instant};

use crate::{
    crowd::{idle, memory, services},
    runtime,
};

const LOOKS: usize = 3_000;

pub(crate) fn run() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let s = services(folder.path(), "", None).await;
        println!(
            "nothing due, {LOOKS} looks each; the budget of a look is 1 ms, flat in the number of portals"
        );
        println!(
            "{:>9}  {:>10}  {:>10}  {:>10}  {:>7}  {:>8}",
            "portals", "look p50", "look p99", "bare read", "ratio", "RSS"
        );
        let mut from = 0;
        for portals in [1_000, 10_000, 100_000] {
            idle(&s, from, portals).await;
            from = portals;
            // All that the renewal task and the one beside it ask when nothing is due.
            let look = measure(async || {
                assert_eq!(s.tick().await.unwrap(), 0);
                assert_eq!(s.watch_expiries().await.unwrap(), 0);
                assert_eq!(s.deliver_notices().await.unwrap(), 0);
            })
            .await;
            let bare = measure(async || {
                sqlx::query("SELECT 1").execute(s.db().read()).await.unwrap();
            })
            .await;
            println!(
                "{portals:>9}  {:>7.0} µs  {:>7.0} µs  {:>7.0} µs  {:>7.1}  {:>4.0} MiB",
                micros(look[LOOKS / 2]),
                micros(look[LOOKS * 99 / 100]),
                micros(bare[LOOKS / 2]),
                micros(look[LOOKS / 2]) / micros(bare[LOOKS / 2]),
                memory("VmRSS"),
            );
        }
    });
}

/// The times of many, shortest first.
async fn measure(what: impl AsyncFn()) -> Vec<Duration> {
    for _ in 0..100 {
        what().await;
    }
    let mut times = Vec::with_capacity(LOOKS);
    for _ in 0..LOOKS {
        let began = Instant::now();
        what().await;
        times.push(began.elapsed());
    }
    times.sort();
    times
}

fn micros(d: Duration) -> f64 {
    d.as_secs_f64() * 1e6
}
