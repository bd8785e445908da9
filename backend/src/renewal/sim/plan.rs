//! What can happen: drawn by proptest, small enough to be shrunk to the few
//! events that matter.

use proptest::prelude::*;
use qlik::ErrorKind;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// One event from outside.
#[derive(Debug, Clone)]
pub(super) enum Op {
    /// Time passes, in seconds.
    Pass(i64),
    /// Time passes until so many seconds after the key in use comes due.
    ToDue(i64),
    /// A server's renewal task looks.
    Tick(usize),
    /// An administrator presses Renew now.
    Renew(usize),
    /// An administrator makes a key of this lifetime in Qlik and saves it.
    Paste(usize, i64),
    /// An administrator saves the settings with the key as it is.
    Resave(usize),
    /// An administrator tries the renewal out.
    Trial(usize),
    /// An administrator looks whether the next renewal would succeed.
    LookAhead(usize),
    /// The process ends and begins anew.
    Restart(usize),
    /// A Tenant Admin revokes the key in use.
    Revoke,
    /// The key's owner is enabled or disabled.
    Owner(bool),
    /// The owner may manage API keys, or may not.
    Permission(bool),
    /// The tenant's longest lifetime of a new key.
    LongestLife(i64),
    /// The tenant's most keys for a user.
    Quota(usize),
    /// Somebody makes a key that is none of ours.
    ForeignKey,
    /// How long it takes until a new key works.
    FreshDelay(i64),
    /// Our clock jumps, against Qlik's.
    ClockJump(i64),
    /// Our clock is put right.
    ClockRight,
}

/// What becomes of one remote call.
#[derive(Debug, Clone)]
pub(super) enum Fate {
    Fine,
    /// Refused or failed, and for sure nothing happened.
    Refused(ErrorKind, Option<u64>),
    /// It took place, or not, and the answer is lost.
    Lost(ErrorKind, bool),
    /// The process ends before the call took place, or after.
    Dies(bool),
    /// The call takes its time (seconds), and meanwhile something happens;
    /// before the call takes place, or after.
    Meanwhile(bool, i64, Box<Op>),
}

/// An event, what becomes of the calls that it leads to, and the commit at
/// which the process ends (and whether before it or after).
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) op: Op,
    pub(super) fates: Vec<Fate>,
    pub(super) dies_at_commit: Option<(u8, bool)>,
}

fn server() -> impl Strategy<Value = usize> {
    0_usize..2
}

fn lifetime() -> impl Strategy<Value = i64> {
    prop_oneof![Just(3 * DAY), Just(DAY), Just(HOUR), HOUR..30 * DAY]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => prop_oneof![1_i64..90, 60..4 * HOUR, HOUR..2 * DAY].prop_map(Op::Pass),
        6 => prop_oneof![Just(0_i64), -900_i64..900, 0..20 * HOUR].prop_map(Op::ToDue),
        12 => server().prop_map(Op::Tick),
        5 => server().prop_map(Op::Renew),
        2 => (server(), lifetime()).prop_map(|(s, l)| Op::Paste(s, l)),
        2 => server().prop_map(Op::Resave),
        2 => server().prop_map(Op::Trial),
        1 => server().prop_map(Op::LookAhead),
        1 => server().prop_map(Op::Restart),
        1 => Just(Op::Revoke),
        1 => any::<bool>().prop_map(Op::Owner),
        1 => any::<bool>().prop_map(Op::Permission),
        1 => lifetime().prop_map(Op::LongestLife),
        1 => (1_usize..6).prop_map(Op::Quota),
        1 => Just(Op::ForeignKey),
        1 => prop_oneof![Just(0_i64), 1_i64..120, 0..2 * HOUR].prop_map(Op::FreshDelay),
        2 => prop_oneof![-2 * DAY..2 * DAY, -HOUR / 2..HOUR / 2].prop_map(Op::ClockJump),
        2 => Just(Op::ClockRight),
    ]
}

fn refusal() -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(ErrorKind::Unauthorized),
        Just(ErrorKind::Forbidden),
        Just(ErrorKind::NotFound),
        Just(ErrorKind::Conflict),
        Just(ErrorKind::BadRequest),
        Just(ErrorKind::Connect),
        Just(ErrorKind::Dns),
    ]
    .prop_map(|kind| Fate::Refused(kind, None))
}

fn loss() -> impl Strategy<Value = Fate> {
    let kind = prop_oneof![
        Just(ErrorKind::Timeout),
        Just(ErrorKind::ConnectionLost),
        Just(ErrorKind::Unavailable),
        Just(ErrorKind::BadBody),
        Just(ErrorKind::NotQlik),
        // Not what Qlik documents: it says no, and has done it.
        Just(ErrorKind::RateLimited),
        Just(ErrorKind::Conflict),
        Just(ErrorKind::UnexpectedStatus(418)),
    ];
    (kind, any::<bool>()).prop_map(|(kind, took_place)| Fate::Lost(kind, took_place))
}

fn meanwhile() -> impl Strategy<Value = Fate> {
    (any::<bool>(), prop_oneof![0_i64..5, 0_i64..200], op())
        .prop_map(|(before, secs, op)| Fate::Meanwhile(before, secs, Box::new(op)))
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        10 => Just(Fate::Fine),
        3 => loss(),
        2 => refusal(),
        1 => prop_oneof![Just(None), (1_u64..4000).prop_map(Some)]
            .prop_map(|after| Fate::Refused(ErrorKind::RateLimited, after)),
        2 => any::<bool>().prop_map(Fate::Dies),
        3 => meanwhile(),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let fates = prop_oneof![3 => Just(Vec::new()), 4 => prop::collection::vec(fate(), 1..7)];
    let dies = prop_oneof![6 => Just(None), 1 => (0_u8..8, any::<bool>()).prop_map(Some)];
    (op(), fates, dies).prop_map(|(op, fates, dies_at_commit)| Step { op, fates, dies_at_commit })
}

/// The life of one portal.
pub(super) fn life() -> impl Strategy<Value = (u64, Vec<Step>)> {
    (any::<u64>(), prop::collection::vec(step(), 1..14))
}
