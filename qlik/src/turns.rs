//! Whose turn it is at one host: a bucket of calls that fills by the minute, a
//! share of it that is kept for what matters most, a smaller bucket for each
//! person, and a queue in which the one who waited longest goes first.
//!
//! Pure: the time is given. This module must not know what is called.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

/// Whom a call is made for: who has to wait where calls are scarce.
///
/// All lanes of a tenant share one bucket, which stays below Qlik's limits. A fifth
/// of it is [`Lane::Upkeep`]'s alone, however much the others ask for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Lane {
    /// What keeps the connection alive, or what somebody who looks after it waits
    /// for. It goes first, and the whole bucket is its.
    #[default]
    Upkeep,
    /// What this person asked for. Persons have a bucket each, a quarter of the
    /// tenant's, so that none takes what the others need.
    Person(PersonId),
    /// What nobody waits for. It leaves two fifths of the bucket to the others.
    Background,
}

impl Lane {
    /// The lane of a person, by any id that tells them apart.
    pub fn person(id: &str) -> Self {
        Self::Person(PersonId(id.into()))
    }

    /// Who goes first: the smaller.
    fn rank(&self) -> u8 {
        match self {
            Self::Upkeep => 0,
            Self::Person(_) => 1,
            Self::Background => 2,
        }
    }

    /// The share of the bucket, in fifths, that it leaves to others.
    fn leaves(&self) -> f64 {
        f64::from(self.rank())
    }
}

/// Tells persons apart; it is not sent anywhere.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PersonId(Arc<str>);

impl fmt::Debug for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A person's share of the tenant's bucket and of what fills it.
const OF_A_PERSON: f64 = 0.25;
/// So many calls of one person may wait: more would only be in others' way.
const WAITING_OF_A_PERSON: usize = 8;
/// So many persons may have a bucket before full ones are forgotten.
const MOST_PERSONS: usize = 1_000;

/// A bucket of calls.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    most: f64,
    per_second: f64,
    level: f64,
    at: Instant,
}

impl Bucket {
    fn full(per_minute: f64, now: Instant) -> Self {
        // Half a minute's calls: Qlik counts over five minutes, and what fills in that time and what was there
        // before must stay below its limit together.
        let most = (per_minute / 2.0).floor().max(1.0);
        Self { most, per_second: per_minute / 60.0, level: most, at: now }
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.level = (self.level + passed * self.per_second).min(self.most);
        self.at = now;
    }

    /// How long until it holds so much. Bounded, for a bucket that never fills so far.
    fn until(&self, level: f64) -> Duration {
        let missing = (level - self.level).max(0.0);
        Duration::from_secs_f64((missing / self.per_second).min(3_600.0))
    }

    fn is_full(&self) -> bool {
        self.level >= self.most
    }
}

/// One who waits.
#[derive(Debug)]
struct Waiting {
    ticket: u64,
    lane: Lane,
}

/// Whose turn it is at one host and tier.
#[derive(Debug)]
pub(crate) struct Turns {
    per_minute: f64,
    all: Bucket,
    persons: HashMap<PersonId, Bucket>,
    /// In the order in which they came.
    queue: VecDeque<Waiting>,
}

impl Turns {
    pub(crate) fn new(per_minute: u32, now: Instant) -> Self {
        let per_minute = f64::from(per_minute.max(1));
        Self {
            per_minute,
            all: Bucket::full(per_minute, now),
            persons: HashMap::new(),
            queue: VecDeque::new(),
        }
    }

    /// Takes a turn, where it is `lane`'s; otherwise the caller waits from now on
    /// under its ticket, which is new to each caller.
    ///
    /// # Errors
    ///
    /// How long it takes at least until it is; the caller asks again then, or
    /// [`leaves`](Self::leave).
    pub(crate) fn take(&mut self, ticket: u64, lane: &Lane, now: Instant) -> Result<(), Duration> {
        self.fill(now);
        let own = self.until_own(lane);
        let ahead = self.ahead_of(ticket, lane);
        let wait = self.all.until(self.needs(lane, ahead)).max(own);
        if wait.is_zero() {
            self.all.level -= 1.0;
            if let Lane::Person(id) = lane
                && let Some(bucket) = self.persons.get_mut(id)
            {
                bucket.level -= 1.0;
            }
            self.leave(ticket);
            return Ok(());
        }
        if !self.queue.iter().any(|w| w.ticket == ticket) {
            self.queue.push_back(Waiting { ticket, lane: lane.clone() });
        }
        Err(wait.max(Duration::from_millis(1)))
    }

    /// Whether so many calls of this person wait that one more is refused.
    pub(crate) fn is_crowded(&self, lane: &Lane) -> bool {
        let Lane::Person(_) = lane else { return false };
        self.queue.iter().filter(|w| w.lane == *lane).count() >= WAITING_OF_A_PERSON
    }

    /// Waits no longer.
    pub(crate) fn leave(&mut self, ticket: u64) {
        self.queue.retain(|w| w.ticket != ticket);
    }

    /// Whether it can be forgotten: a new one would be the same.
    pub(crate) fn is_at_rest(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.queue.is_empty() && self.all.is_full() && self.persons.values().all(Bucket::is_full)
    }

    fn fill(&mut self, now: Instant) {
        self.all.fill(now);
        for bucket in self.persons.values_mut() {
            bucket.fill(now);
        }
        if self.persons.len() > MOST_PERSONS {
            self.persons.retain(|_, bucket| !bucket.is_full());
        }
    }

    /// The level that must be there: what is left to others, as far as a bucket of
    /// very few calls can hold that, what those ahead will take, and one more.
    fn needs(&self, lane: &Lane, ahead: usize) -> f64 {
        let left = (self.all.most * lane.leaves() / 5.0).min(self.all.most - 1.0);
        left + as_f64(ahead) + 1.0
    }

    /// How long until the person's own bucket has a call.
    fn until_own(&mut self, lane: &Lane) -> Duration {
        let Lane::Person(id) = lane else { return Duration::ZERO };
        let at = self.all.at;
        let per_minute = self.per_minute * OF_A_PERSON;
        self.persons.entry(id.clone()).or_insert_with(|| Bucket::full(per_minute, at)).until(1.0)
    }

    /// How many wait that go first: those of a better lane, and of the same one who
    /// came before, aside from those whom their own bucket holds up.
    fn ahead_of(&self, ticket: u64, lane: &Lane) -> usize {
        let place = self.queue.iter().position(|w| w.ticket == ticket).unwrap_or(self.queue.len());
        let ready = |w: &Waiting| match &w.lane {
            Lane::Person(id) => self.persons.get(id).is_none_or(|b| b.level >= 1.0),
            Lane::Upkeep | Lane::Background => true,
        };
        let first = |(at, w): &(usize, &Waiting)| {
            w.ticket != ticket
                && ready(w)
                && (w.lane.rank() < lane.rank() || (w.lane.rank() == lane.rank() && *at < place))
        };
        self.queue.iter().enumerate().filter(first).count()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of waiting calls")]
fn as_f64(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn takes_at_once(turns: &mut Turns, lane: &Lane, first: u64, now: Instant) -> u64 {
        let mut taken = 0;
        while turns.take(first + taken, lane, now).is_ok() {
            taken += 1;
        }
        turns.leave(first + taken);
        taken
    }

    #[tokio::test]
    async fn what_persons_take_leaves_a_fifth_to_upkeep_and_what_is_background_two() {
        let now = Instant::now();
        let mut turns = Turns::new(900, now);
        // Four persons, and more than all is there.
        let taken: u64 =
            (0..6).map(|n| takes_at_once(&mut turns, &Lane::person(&n.to_string()), 1_000 * n, now)).sum();
        assert_eq!(taken, 360, "four fifths of 450");
        assert_eq!(takes_at_once(&mut turns, &Lane::Background, 90_000, now), 0);
        assert_eq!(takes_at_once(&mut turns, &Lane::Upkeep, 100_000, now), 90);
        let mut turns = Turns::new(900, now);
        assert_eq!(takes_at_once(&mut turns, &Lane::Background, 0, now), 270);
    }

    #[tokio::test]
    async fn one_person_takes_a_quarter_and_the_next_one_does_not_wait_for_it() {
        let now = Instant::now();
        let mut turns = Turns::new(900, now);
        let (greedy, other) = (Lane::person("greedy"), Lane::person("other"));
        assert_eq!(takes_at_once(&mut turns, &greedy, 0, now), 112);
        for ticket in 1_000..1_008 {
            assert!(turns.take(ticket, &greedy, now).is_err());
        }
        assert!(turns.is_crowded(&greedy) && !turns.is_crowded(&other));
        assert_eq!(turns.take(2_000, &other, now), Ok(()));
        assert_eq!(turns.take(2_001, &Lane::Upkeep, now), Ok(()));
    }

    #[tokio::test]
    async fn who_waited_longest_goes_first_and_upkeep_before_all() {
        let start = Instant::now();
        // One call a second.
        let mut turns = Turns::new(60, start);
        let persons: Vec<Lane> = (0..6).map(|n| Lane::person(&n.to_string())).collect();
        for (n, lane) in (0..).zip(&persons) {
            for call in 0..4 {
                assert_eq!(turns.take(100 * n + call, lane, start), Ok(()), "their share is 24");
            }
        }
        for (n, lane) in (0..).zip(&persons) {
            assert!(turns.take(1_000 + n, lane, start).is_err());
        }
        // Who comes later, or asks again before its time, does not overtake.
        let mut order = Vec::new();
        for second in 1..60 {
            let now = start + Duration::from_secs(second);
            for (n, lane) in [5, 4, 3, 2, 1, 0].into_iter().zip(persons.iter().rev()) {
                let waits = turns.queue.iter().any(|w| w.ticket == 1_000 + n);
                if waits && turns.take(1_000 + n, lane, now).is_ok() {
                    order.push(n);
                }
            }
        }
        assert_eq!(order, [0, 1, 2, 3, 4, 5]);
    }

    #[tokio::test]
    async fn a_bucket_of_one_call_serves_everybody_in_the_end() {
        let start = Instant::now();
        let mut turns = Turns::new(1, start);
        for (ticket, lane) in [(0, Lane::Background), (1, Lane::person("a")), (2, Lane::Upkeep)] {
            let now = start + Duration::from_secs(120 * ticket);
            assert_eq!(turns.take(ticket, &lane, now), Ok(()), "{lane:?}");
        }
    }

    #[tokio::test]
    async fn a_turn_that_nobody_uses_is_forgotten() {
        let now = Instant::now();
        let mut turns = Turns::new(60, now);
        takes_at_once(&mut turns, &Lane::person("a"), 0, now);
        assert!(!turns.is_at_rest(now));
        assert!(turns.is_at_rest(now + Duration::from_mins(1)));
    }

    proptest! {
        /// Whoever asks how: never more in five minutes than Qlik's limit, and
        /// upkeep gets its turn within the second.
        #[test]
        fn limits_hold_and_upkeep_is_served(
            steps in proptest::collection::vec((0_u8..12, 0_u64..400), 1..400)
        ) {
            let start = Instant::now();
            let mut turns = Turns::new(90, start);
            let (mut now, mut taken, mut upkeep) = (start, Vec::new(), 0_u32);
            for (ticket, (who, ms)) in (0..).zip(&steps) {
                now += Duration::from_millis(*ms);
                let lane = match who {
                    0 => Lane::Upkeep,
                    1 => Lane::Background,
                    n => Lane::person(&n.to_string()),
                };
                // Upkeep asks seldom enough for its own fifth.
                if lane == Lane::Upkeep {
                    upkeep += 1;
                    if upkeep > 9 {
                        continue;
                    }
                }
                match turns.take(ticket, &lane, now) {
                    Ok(()) => taken.push(now),
                    Err(wait) => {
                        prop_assert!(lane != Lane::Upkeep, "upkeep waits {wait:?}");
                        turns.leave(ticket);
                    }
                }
            }
            for from in &taken {
                let window = taken.iter().filter(|t| **t >= *from && **t < *from + Duration::from_mins(5));
                prop_assert!(window.count() < 500);
            }
        }
    }
}
