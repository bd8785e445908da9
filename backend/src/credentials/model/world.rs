//! A portal and a Qlik that counts, both as simple as can be: what is decided is
//! decided by the product's own rules.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use qlik::TooManyOf;

use super::{Event, Meets, Then, USERS};
use crate::credentials::{
    core::{self, Begun, Decision, TRYING, Want, decide, may_try_again, standing},
    settle::{Cause, Fate, Outcome, settle},
    state::{Around, CredentialState as State, Row},
};

/// A password as it was typed once and registered, or is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Deposit {
    id: u32,
    password: u8,
}

/// A try under way.
#[derive(Debug, Clone)]
struct Flight {
    attempt: u32,
    begun: Begun,
    deposit: Deposit,
    /// Once Qlik judged, or something else came in between.
    outcome: Option<Outcome>,
}

#[derive(Debug)]
struct User {
    row: Row,
    attempt: Option<u32>,
    stored: Option<Deposit>,
    refused: Option<u8>,
    flight: Option<Flight>,
    // At Qlik.
    right: u8,
    mfa: bool,
    in_a_row: u32,
}

impl User {
    fn new() -> Self {
        Self {
            row: Row::NONE,
            attempt: None,
            stored: None,
            refused: None,
            flight: None,
            right: 0,
            mfa: false,
            in_a_row: 0,
        }
    }
}

/// Which passwords of which users Qlik refused since they last worked, whoever typed
/// them and however often, and how often a deposit was sent after that.
#[derive(Debug, Default)]
struct Count {
    refused: HashSet<(usize, u8)>,
    again: HashMap<u32, u32>,
}

#[derive(Debug)]
pub(super) struct World {
    now: i64,
    users: Vec<User>,
    corporate: bool,
    host_hold: Option<i64>,
    /// Whose sign-ins were too many, and when.
    signs: Vec<(usize, i64)>,
    begun: Vec<i64>,
    next: u32,
    count: Count,
    /// When passwords were refused, by user.
    refusals: Vec<Vec<i64>>,
    /// How often passwords were sent, and how often of these by the user once more
    /// after a refusal whose answer was lost: so that a test sees that it happens.
    pub(super) sends: u32,
    pub(super) again: u32,
}

pub(super) type Checked = Result<(), TestCaseError>;

impl World {
    pub(super) fn new() -> Self {
        Self {
            now: 1_800_000_000,
            users: (0..USERS).map(|_| User::new()).collect(),
            corporate: false,
            host_hold: None,
            signs: Vec::new(),
            begun: Vec::new(),
            next: 0,
            count: Count::default(),
            refusals: vec![Vec::new(); USERS],
            sends: 0,
            again: 0,
        }
    }

    fn id(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn begin(&mut self, of: usize, want: Want, typed: Option<u8>) -> Checked {
        let now = self.now;
        self.begun.retain(|t| *t > now - 60);
        let around = Around {
            host_hold: self.host_hold,
            begun: i64::try_from(self.begun.len()).unwrap(),
            oldest: self.begun.first().copied(),
        };
        let id = self.id();
        let user = &mut self.users[of];
        if typed.is_some() && typed == user.refused {
            return Ok(());
        }
        let is_stored = typed.is_some() && user.stored.as_ref().map(|s| s.password) == typed;
        let want = if typed.is_some() { core::typed(standing(now, &user.row), is_stored) } else { want };
        let Decision::Try(begun) = decide(now, &user.row, &around, want) else { return Ok(()) };
        prop_assert!(user.flight.is_none(), "two at once");
        prop_assert!(self.host_hold.is_none_or(|until| until <= now), "begun in a hold");
        prop_assert!(user.row.hold_until.is_none_or(|until| until <= now), "begun in a hold of the user");
        let deposit = match typed {
            Some(password) if !is_stored => Deposit { id, password },
            _ => user.stored.clone().unwrap(),
        };
        let (refusals, hold_until) = begun.as_refused(now);
        if !begun.keeps_password() {
            user.stored = None;
        }
        user.row = Row {
            state: State::Trying,
            before: begun.state_before(),
            in_flight: true,
            stored: user.stored.is_some(),
            belongs: true,
            refusals,
            hold_until,
            tried_at: Some(now),
        };
        user.attempt = Some(id);
        user.flight = Some(Flight { attempt: id, begun, deposit, outcome: None });
        self.begun.push(now);
        prop_assert!(self.begun.len() <= 10);
        Ok(())
    }

    /// The password arrives at Qlik, or something comes in between.
    fn arrive(&mut self, of: usize, meets: Meets) -> Checked {
        let (now, corporate) = (self.now, self.corporate);
        let user = &mut self.users[of];
        let Some(flight) = user.flight.as_mut().filter(|f| f.outcome.is_none()) else { return Ok(()) };
        let many =
            |sent| Outcome::TooMany { of: TooManyOf::Host, host: "login".to_owned(), wait: None, sent };
        let blocked = |host| Outcome::Blocked { wait: None, host, sent: true };
        let outcome = match meets {
            _ if corporate => Outcome::Corporate { host: "idp".to_owned() },
            Meets::Outage => Outcome::NotSent,
            Meets::RateLimit { sent } => many(sent),
            Meets::Blocks { all } => blocked(all.then(|| "login".to_owned())),
            Meets::UnknownPage { sent } => Outcome::Unexpected { sent, saw: None },
            Meets::Captcha => Outcome::Account { cause: Cause::Captcha, sent: false },
            Meets::LoginPage if user.in_a_row >= 5 => blocked(None),
            Meets::LoginPage if flight.deposit.password != user.right => Outcome::Wrong,
            Meets::LoginPage if user.mfa => Outcome::Mfa { sent: true },
            Meets::LoginPage => Outcome::Worked,
        };
        let (id, by_itself) = (flight.deposit.id, flight.begun.want == Want::Door);
        let again = flight.begun.want != Want::Typed;
        let password = (of, flight.deposit.password);
        let worked = outcome == Outcome::Worked;
        let sent = outcome.sent();
        flight.outcome = Some(outcome);
        if !sent {
            return Ok(());
        }
        self.sends += 1;
        if self.count.refused.contains(&password) && again {
            prop_assert!(!by_itself, "sent by itself after a refusal");
            let again = self.count.again.entry(id).or_default();
            *again += 1;
            prop_assert!(*again <= 1, "sent {} times after a refusal", *again);
            self.again += 1;
        }
        if worked {
            user.in_a_row = 0;
            self.count.refused.remove(&password);
            self.count.again.remove(&id);
            self.refusals[of].clear();
        } else {
            user.in_a_row += 1;
            self.count.refused.insert(password);
            let recent = &mut self.refusals[of];
            recent.push(now);
            recent.retain(|t| *t > now - 15 * 60);
            prop_assert!(recent.len() <= 3, "a person's account is refused too often");
        }
        Ok(())
    }

    fn end(&mut self, of: usize, lost: bool) {
        let now = self.now;
        let user = &mut self.users[of];
        let Some(flight) = user.flight.take() else { return };
        let outcome = match flight.outcome {
            None => Outcome::NotSent,
            Some(outcome) if lost && outcome.sent() => Outcome::Lost,
            Some(outcome) => outcome,
        };
        if let Some(sign) = outcome.sign(now) {
            let seconded = self.signs.iter().any(|(who, at)| *who != of && *at > now - 600);
            if sign.wide {
                self.signs.push((of, now));
            }
            self.host_hold = self.host_hold.max(sign.holds_all(now, seconded));
        }
        if user.attempt != Some(flight.attempt) {
            return;
        }
        (user.attempt, user.row.in_flight) = (None, false);
        if user.row.state != State::Trying {
            return;
        }
        let after = settle(now, &flight.begun, &outcome);
        match after.password {
            Fate::Kept => {}
            Fate::Wiped => user.stored = None,
            Fate::Tried => user.stored = Some(flight.deposit.clone()),
        }
        if outcome.is_remembered() {
            user.refused = Some(flight.deposit.password);
        }
        if outcome == Outcome::Worked {
            user.refused = None;
        }
        user.row = Row {
            state: after.state,
            before: None,
            stored: user.stored.is_some(),
            refusals: after.refusals,
            hold_until: after.hold_until,
            ..user.row.clone()
        };
    }

    fn goes_on(&mut self, of: usize, then: Then) -> Checked {
        match then {
            Then::Ends { meets, lost } => {
                self.arrive(of, meets)?;
                self.end(of, lost);
            }
            Then::Dies => {
                self.arrive(of, Meets::LoginPage)?;
                self.users[of].flight = None;
            }
            Then::Later => {}
        }
        Ok(())
    }

    fn empty(&mut self, of: usize, state: State) {
        let user = &mut self.users[of];
        if user.row.state == State::NotRegistered {
            return;
        }
        (user.stored, user.refused) = (None, None);
        user.row = Row { state, before: None, stored: false, ..user.row.clone() };
    }

    pub(super) fn happens(&mut self, event: &Event) -> Checked {
        match *event {
            Event::Save { user, password, then } => {
                self.begin(user, Want::Typed, Some(password))?;
                self.goes_on(user, then)?;
            }
            Event::Again { user, then } => {
                self.begin(user, Want::Again, None)?;
                self.goes_on(user, then)?;
            }
            Event::Open { user, then } => {
                self.begin(user, Want::Door, None)?;
                self.goes_on(user, then)?;
            }
            Event::Remove { user } => self.empty(user, State::NotRegistered),
            Event::Arrive { user, meets } => self.arrive(user, meets)?,
            Event::End { user, lost } => self.end(user, lost),
            Event::Die { user } => self.users[user].flight = None,
            Event::Changes { user, password } => self.users[user].right = password,
            Event::Mfa { user, on } => self.users[user].mfa = on,
            Event::Corporate { on } => self.corporate = on,
            Event::Wipe => (0..USERS).for_each(|of| self.empty(of, State::Unused)),
            Event::Time { seconds } => {
                self.now += seconds;
                // The client gives a login up before another may be begun.
                for of in 0..USERS {
                    let over = self.users[of].row.tried_at.is_some_and(|t| t <= self.now - TRYING);
                    if over && self.users[of].flight.is_some() {
                        self.end(of, true);
                    }
                }
            }
        }
        self.check()
    }

    fn check(&self) -> Checked {
        for (of, user) in self.users.iter().enumerate() {
            let stands = standing(self.now, &user.row);
            prop_assert_eq!(user.row.stored, user.stored.is_some());
            prop_assert!(user.row.state != State::Trying || user.attempt.is_some());
            // What works by itself was never refused, unless a later answer is on its way.
            if stands.state == State::Works && user.row.state == State::Works {
                let stored = user.stored.as_ref().map(|d| (of, d.password));
                prop_assert!(
                    stored.is_some_and(|stored| !self.count.refused.contains(&stored)),
                    "a refused one 'works'"
                );
            }
            prop_assert!(!may_try_again(stands) || user.stored.is_some());
        }
        Ok(())
    }
}
