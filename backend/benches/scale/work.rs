//! Many keys due at once, one tenant with as many as all the others together.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use backend::Services;

use crate::{
    crowd::{AT_ONCE, QUICKER, RATE, due, memory, services},
    runtime,
    scene::{Asked, SMALL_TENANTS, Scene},
};

/// Changes that one renewal makes: the key, its mark, the end of the old one.
const CHANGES_EACH: usize = 3;

pub(crate) fn run(big: usize, small: usize) {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let mut sandbox = start(folder.path(), big, small);
        let scene = scene(folder.path(), &mut sandbox).await;
        let s = services(folder.path(), &scene.resolve, Some(scene.ca.clone().into_bytes())).await;
        due(&s, &scene.keys).await;
        let all = scene.keys.len();
        println!(
            "\n{all} keys due at once: {big} of one tenant, {} of {SMALL_TENANTS} others; {QUICKER} minutes of Qlik's limits pass in one",
            all - big
        );
        let (before, began) = (memory("VmRSS"), Instant::now());
        let (worker, small_done, big_done) = {
            let worker = tokio::spawn(work(s.clone(), all));
            let (small, big) = watch(&s, began).await;
            (worker, small, big)
        };
        worker.await.unwrap();
        let asked = end(sandbox);
        assert_eq!(asked.refused, 0, "Qlik's limit was passed");
        let limit = usize::try_from(AT_ONCE + RATE).unwrap();
        assert!(asked.busiest <= limit, "{} changes in a second", asked.busiest);
        println!("  calls           {}, {} of them 429", asked.calls, asked.refused);
        println!("  busiest second  {} changes of one tenant; the limit is {limit}", asked.busiest);
        println!("  the others      done after {:.1} s", small_done.as_secs_f64());
        if big > 0 {
            let over = u32::try_from(big * CHANGES_EACH).unwrap().saturating_sub(AT_ONCE);
            let pace = f64::from(over) / f64::from(RATE);
            println!("  the big one     done after {:.1} s; its limit alone takes {pace:.1} s", big_done.as_secs_f64());
        }
        println!("  memory          {before:.0} MiB before, {:.0} MiB at most", memory("VmHWM"));
    });
}

/// Works off what is due until every old key is gone.
async fn work(s: Services, all: usize) {
    let mut pulse = tokio::time::interval(Duration::from_millis(100));
    loop {
        s.tick().await.unwrap();
        let (renewed, left): (i64, i64) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM renewal_attempts WHERE outcome = 'renewed'),
                    (SELECT count(*) FROM api_keys WHERE state IN ('staged', 'retiring'))",
        )
        .fetch_one(s.db().read())
        .await
        .unwrap();
        if usize::try_from(renewed).unwrap() == all && left == 0 {
            let failed: i64 =
                sqlx::query_scalar("SELECT count(*) FROM renewal_attempts WHERE outcome <> 'renewed'")
                    .fetch_one(s.db().read())
                    .await
                    .unwrap();
            assert_eq!(failed, 0, "no attempt may fail");
            return;
        }
        pulse.tick().await;
    }
}

/// When the last key of the small tenants and of the big one was renewed and its
/// old one deleted.
async fn watch(s: &Services, began: Instant) -> (Duration, Duration) {
    let (mut small, mut big) = (None, None);
    let mut pulse = tokio::time::interval(Duration::from_millis(100));
    while small.is_none() || big.is_none() {
        pulse.tick().await;
        let left = async |like: &'static str| -> i64 {
            sqlx::query_scalar(
                "SELECT count(*) FROM integrations i WHERE tenant_host LIKE ?
                 AND (NOT EXISTS (SELECT 1 FROM renewal_attempts a WHERE a.portal_id = i.portal_id AND a.outcome = 'renewed')
                  OR EXISTS (SELECT 1 FROM api_keys k WHERE k.portal_id = i.portal_id AND k.state IN ('staged', 'retiring')))",
            )
            .bind(like)
            .fetch_one(s.db().read())
            .await
            .unwrap()
        };
        if small.is_none() && left("small-%").await == 0 {
            small = Some(began.elapsed());
        }
        if big.is_none() && left("big.%").await == 0 {
            big = Some(began.elapsed());
        }
    }
    (small.unwrap(), big.unwrap())
}

fn start(folder: &Path, big: usize, small: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["sandbox", folder.to_str().unwrap(), &big.to_string(), &small.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

async fn scene(folder: &Path, sandbox: &mut Child) -> Scene {
    let mut pulse = tokio::time::interval(Duration::from_millis(50));
    loop {
        if let Ok(text) = std::fs::read_to_string(folder.join("scene.json")) {
            return serde_json::from_str(&text).unwrap();
        }
        assert!(sandbox.try_wait().unwrap().is_none(), "the sandbox ended");
        pulse.tick().await;
    }
}

fn end(mut sandbox: Child) -> Asked {
    sandbox.stdin.take().unwrap().write_all(b"\n").unwrap();
    let mut line = String::new();
    BufReader::new(sandbox.stdout.take().unwrap()).read_line(&mut line).unwrap();
    sandbox.wait().unwrap();
    serde_json::from_str(&line).unwrap()
}
