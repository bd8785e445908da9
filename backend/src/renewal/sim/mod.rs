//! The renewal under everything that can happen, ten thousand lives long.
//!
//! The core, the shell and the store are the product's own; behind the seam of
//! `port.rs` stands a scripted tenant, and around them two clocks. A life is a
//! list of events drawn by proptest: time passes, a server ticks, somebody
//! presses Renew now or saves other settings (in the middle of a remote call,
//! too), a process ends before or after a call or a commit, answers are lost,
//! Qlik refuses, quotas fill, clocks jump. After each event, and as each remote
//! call takes place, the rules of `rules.rs` are looked at; at
//! the end the faults are taken away and the portal must become healthy.
//!
//! A life that breaks a rule is shrunk, printed, and kept in
//! `backend/proptest-regressions`. `QONDUIT_SIM_CASES` sets how many lives each
//! of the tests below has and `QONDUIT_SIM_SEED` which, for a night's run.

mod beside;
mod env;
mod plan;
mod rules;
mod tenant;
mod world;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use proptest::test_runner::{Config, FileFailurePersistence, RngAlgorithm, TestError, TestRng, TestRunner};

use plan::{Fate, Op, Step};
use qlik::ErrorKind;
use rules::World;

/// More commits than a renewal has, from its claim to the switch and the claim's end.
const COMMITS: u8 = 14;

/// Lives of each test; four tests make ten thousand.
const LIVES: u32 = 2_500;

/// Looks through what is logged, and keeps none of it.
#[derive(Clone)]
struct Searched {
    leaked: Arc<AtomicBool>,
    bytes: Arc<AtomicU64>,
}

impl io::Write for Searched {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.bytes.fetch_add(buf.len() as u64, Ordering::Relaxed);
        if buf.windows(tenant::CANARY.len()).any(|w| w == tenant::CANARY.as_bytes()) {
            self.leaked.store(true, Ordering::SeqCst);
        }
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The same lives at each run, so that what fails fails again; another
/// `QONDUIT_SIM_SEED` (a number) gives others.
#[expect(clippy::disallowed_methods, reason = "a switch of this test, no configuration of the product")]
fn seed(quarter: u8) -> [u8; 32] {
    let number: u64 = std::env::var("QONDUIT_SIM_SEED").map_or(1, |n| n.parse().unwrap());
    let mut seed = [quarter; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    seed
}

/// How many lives each test has.
#[expect(clippy::disallowed_methods, reason = "a switch of this test, no configuration of the product")]
fn wanted() -> u32 {
    std::env::var("QONDUIT_SIM_CASES").map_or(LIVES, |n| n.parse().unwrap())
}

fn lives(quarter: u8) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let searched = Searched { leaked: Arc::default(), bytes: Arc::default() };
    let writer = searched.clone();
    let log = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone())
        .finish();
    let _logged = tracing::subscriber::set_default(log);

    let world = runtime.block_on(World::new());
    let cases = wanted();
    let seed = seed(quarter);
    let config = Config {
        cases,
        source_file: Some(file!()),
        failure_persistence: Some(Box::new(FileFailurePersistence::SourceParallel("proptest-regressions"))),
        max_shrink_iters: 4_000,
        ..Config::default()
    };
    let outcome = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed)).run(
        &plan::life(),
        |(seed, steps)| {
            runtime.block_on(world.live(seed, &steps)).map_err(proptest::test_runner::TestCaseError::fail)
        },
    );
    if let Err(TestError::Fail(why, (seed, steps))) = &outcome {
        let steps: Vec<String> = steps.iter().map(|s| format!("  {s:?}")).collect();
        panic!("{why}\nin the life of seed {seed}:\n{}", steps.join("\n"));
    }
    outcome.unwrap();
    assert!(!world.leaks(), "a token is in the database in the clear");
    assert!(searched.bytes.load(Ordering::Relaxed) > 0, "something was logged");
    assert!(!searched.leaked.load(Ordering::SeqCst), "a token was logged");
}

/// A renewal that succeeds, one that fails and two that need a person, each ended
/// at each of its commits in turn: the drawn lives seldom end one as late as that.
#[test]
fn a_renewal_is_told_exactly_when_it_was_recorded_wherever_the_process_ends() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    let step = |op, fates, dies_at_commit| Step { op, fates, dies_at_commit };
    let fails = vec![Fate::Refused(ErrorKind::Connect, None)];
    let refused = vec![Fate::Fine, Fate::Refused(ErrorKind::Forbidden, None)];
    for (before, fates) in
        [(None, Vec::new()), (None, fails), (None, refused), (Some(Op::Revoke), Vec::new())]
    {
        for edge in 0..2 * COMMITS {
            let dies = Some((edge / 2, edge % 2 == 1));
            let mut steps: Vec<Step> = before.iter().map(|op| step(op.clone(), Vec::new(), None)).collect();
            steps.push(step(Op::ToDue(0), Vec::new(), None));
            steps.push(step(Op::Tick(0), fates.clone(), dies));
            // The one that goes on where the other ended.
            steps.push(step(Op::Pass(120), Vec::new(), None));
            steps.push(step(Op::Tick(1), Vec::new(), None));
            let lived = runtime.block_on(world.live(u64::from(edge), &steps));
            assert!(lived.is_ok(), "{lived:?} after {steps:?}");
        }
    }
}

#[test]
fn no_key_is_lost_in_the_first_quarter_of_ten_thousand_lives() {
    lives(0);
}

#[test]
fn no_key_is_lost_in_the_second_quarter_of_ten_thousand_lives() {
    lives(1);
}

#[test]
fn no_key_is_lost_in_the_third_quarter_of_ten_thousand_lives() {
    lives(2);
}

#[test]
fn no_key_is_lost_in_the_last_quarter_of_ten_thousand_lives() {
    lives(3);
}
