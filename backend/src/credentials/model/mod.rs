//! The rules against a Qlik that counts: whatever users, administrators and Qlik do,
//! in whatever order, and wherever a process ends, no password is sent again by
//! itself once Qlik refused it, and once at most by the user.

mod world;

use proptest::{prelude::*, strategy::ValueTree as _};

use self::world::World;

/// Passwords that people think of.
const PASSWORDS: u8 = 3;
/// Users of the portal.
const USERS: usize = 2;

#[derive(Debug, Clone)]
enum Event {
    /// The user types a password and saves.
    Save {
        user: usize,
        password: u8,
        then: Then,
    },
    Again {
        user: usize,
        then: Then,
    },
    /// The user needs Qlik and has no session, or one that Qlik ended.
    Open {
        user: usize,
        then: Then,
    },
    Remove {
        user: usize,
    },
    /// A try that is under way gets on to the password, which Qlik judges.
    Arrive {
        user: usize,
        meets: Meets,
    },
    /// A try that is under way ends, its answer known or lost.
    End {
        user: usize,
        lost: bool,
    },
    /// The process that makes a try ends.
    Die {
        user: usize,
    },
    /// The person has another password at Qlik from now on.
    Changes {
        user: usize,
        password: u8,
    },
    Mfa {
        user: usize,
        on: bool,
    },
    Corporate {
        on: bool,
    },
    /// An administrator changes the option or the tenant.
    Wipe,
    Time {
        seconds: i64,
    },
}

/// How a try goes on.
#[derive(Debug, Clone, Copy)]
enum Then {
    /// To its end before anything else happens.
    Ends { meets: Meets, lost: bool },
    /// The password arrives, and the process ends.
    Dies,
    /// Whatever happens meanwhile.
    Later,
}

/// What a try meets on its way to the password.
#[derive(Debug, Clone, Copy)]
enum Meets {
    LoginPage,
    Outage,
    RateLimit {
        sent: bool,
    },
    /// An account is blocked, with the status that holds all up or without.
    Blocks {
        all: bool,
    },
    UnknownPage {
        sent: bool,
    },
    Captcha,
}

fn meets() -> impl Strategy<Value = Meets> {
    prop_oneof![
        8 => Just(Meets::LoginPage),
        1 => Just(Meets::Outage),
        1 => any::<bool>().prop_map(|sent| Meets::RateLimit { sent }),
        1 => any::<bool>().prop_map(|all| Meets::Blocks { all }),
        1 => any::<bool>().prop_map(|sent| Meets::UnknownPage { sent }),
        1 => Just(Meets::Captcha),
    ]
}

fn then() -> impl Strategy<Value = Then> {
    prop_oneof![
        12 => (meets(), prop::bool::weighted(0.3)).prop_map(|(meets, lost)| Then::Ends { meets, lost }),
        4 => Just(Then::Dies),
        2 => Just(Then::Later),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let user = || 0..USERS;
    let password = || 0..PASSWORDS;
    prop_oneof![
        6 => (user(), password(), then()).prop_map(|(user, password, then)| Event::Save { user, password, then }),
        8 => (user(), then()).prop_map(|(user, then)| Event::Again { user, then }),
        8 => (user(), then()).prop_map(|(user, then)| Event::Open { user, then }),
        1 => user().prop_map(|user| Event::Remove { user }),
        3 => (user(), meets()).prop_map(|(user, meets)| Event::Arrive { user, meets }),
        3 => (user(), prop::bool::weighted(0.3)).prop_map(|(user, lost)| Event::End { user, lost }),
        1 => user().prop_map(|user| Event::Die { user }),
        3 => (user(), password()).prop_map(|(user, password)| Event::Changes { user, password }),
        1 => (user(), prop::bool::weighted(0.2)).prop_map(|(user, on)| Event::Mfa { user, on }),
        1 => prop::bool::weighted(0.15).prop_map(|on| Event::Corporate { on }),
        1 => Just(Event::Wipe),
        10 => prop::sample::select(vec![1, 30, 61, 121, 901, 3600, 3600]).prop_map(|seconds| Event::Time { seconds }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_sequence_of_events_sends_a_refused_password_again_by_itself_or_more_than_once(
        events in prop::collection::vec(event(), 1..120),
    ) {
        let mut world = World::new();
        for event in &events {
            world.happens(event)?;
        }
    }
}

#[test]
fn the_sequences_do_reach_what_they_are_about() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut sends, mut again) = (0, 0);
    for _ in 0..300 {
        let events = prop::collection::vec(event(), 120).new_tree(&mut runner).unwrap().current();
        let mut world = World::new();
        for event in &events {
            world.happens(event).unwrap();
        }
        sends += world.sends;
        again += world.again;
    }
    assert!(sends > 1000 && again > 5, "{sends} sends, {again} of these");
}
