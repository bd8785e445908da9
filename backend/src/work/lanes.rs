//! Who is next when much is due at once: tenants take turns, and none has more
//! than a few integrations at work, so that one with many portals, or one that
//! does not answer, holds up no other.
//!
//! This module must not know what the work is, nor the time.

use std::collections::{HashMap, HashSet, VecDeque};

/// How many integrations one process advances at once.
const AT_ONCE: usize = 32;
/// How many of them may be of one tenant. Two take turns at Qlik's limit of
/// changes (90 a minute by our own bucket) without either waiting so long that
/// the bucket refuses it.
const PER_TENANT: usize = 2;
/// A tenant with so many in hand needs no more of them read.
const ENOUGH: usize = 8;

/// An integration with something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) portal_id: String,
    pub(crate) tenant_host: String,
}

#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<String>,
    at_work: usize,
}

/// What is in hand, a lane for each tenant.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    tenants: HashMap<String, Lane>,
    /// Tenants with somebody waiting, in turn.
    turns: VecDeque<String>,
    in_hand: HashSet<String>,
    at_work: usize,
    ran_dry: bool,
}

impl Lanes {
    /// Takes what was read, oldest first within a tenant; gives back how many
    /// were not in hand already.
    pub(super) fn add(&mut self, due: impl IntoIterator<Item = Due>) -> usize {
        let before = self.in_hand.len();
        for Due { portal_id, tenant_host } in due {
            if !self.in_hand.insert(portal_id.clone()) {
                continue;
            }
            let lane = self.tenants.entry(tenant_host.clone()).or_default();
            if lane.waiting.is_empty() {
                self.turns.push_back(tenant_host);
            }
            lane.waiting.push_back(portal_id);
        }
        self.ran_dry = false;
        self.in_hand.len() - before
    }

    /// The next to begin with, if any may begin now.
    pub(super) fn next(&mut self) -> Option<Due> {
        for _ in 0..self.turns.len() {
            if !self.has_room() {
                return None;
            }
            let tenant_host = self.turns.pop_front()?;
            let Some(lane) = self.tenants.get_mut(&tenant_host) else { continue };
            if lane.at_work >= PER_TENANT {
                self.turns.push_back(tenant_host);
                continue;
            }
            let Some(portal_id) = lane.waiting.pop_front() else { continue };
            lane.at_work += 1;
            self.at_work += 1;
            if !lane.waiting.is_empty() {
                self.turns.push_back(tenant_host.clone());
            }
            return Some(Due { portal_id, tenant_host });
        }
        None
    }

    /// One that was begun has ended.
    pub(super) fn done(&mut self, due: &Due) {
        self.in_hand.remove(&due.portal_id);
        let Some(lane) = self.tenants.get_mut(&due.tenant_host) else { return };
        lane.at_work = lane.at_work.saturating_sub(1);
        self.at_work = self.at_work.saturating_sub(1);
        self.ran_dry |= lane.waiting.is_empty();
        if lane.at_work == 0 && lane.waiting.is_empty() {
            self.tenants.remove(&due.tenant_host);
        }
    }

    /// Whether one more may be at work.
    pub(super) fn has_room(&self) -> bool {
        self.at_work < AT_ONCE
    }

    /// Whether a tenant has room and none waiting since the last [`Lanes::add`]:
    /// more of its may be due.
    pub(super) fn ran_dry(&self) -> bool {
        self.ran_dry
    }

    /// Tenants that have so many waiting that no more of theirs need be read.
    pub(super) fn supplied(&self) -> Vec<&str> {
        self.tenants
            .iter()
            .filter(|(_, l)| l.waiting.len() >= ENOUGH)
            .map(|(host, _)| host.as_str())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn due(host: &str, n: usize) -> Due {
        Due { portal_id: format!("{host}-{n}"), tenant_host: host.to_owned() }
    }

    #[test]
    fn a_tenant_with_one_portal_does_not_wait_for_one_with_a_thousand() {
        let mut lanes = Lanes::default();
        lanes.add((0..1_000).map(|n| due("big", n)).chain([due("small", 0)]));
        let first: Vec<_> = std::iter::from_fn(|| lanes.next()).map(|d| d.portal_id).collect();
        assert_eq!(first, ["big-0", "small-0", "big-1"]);
    }

    #[test]
    fn a_tenant_that_does_not_answer_keeps_two_places_and_the_others_go_on() {
        let mut lanes = Lanes::default();
        lanes.add((0..100).flat_map(|n| [due("silent", n), due("well", n)]));
        let begun: Vec<_> = std::iter::from_fn(|| lanes.next()).collect();
        assert_eq!(begun.len(), 4);
        for d in begun.iter().filter(|d| d.tenant_host == "well") {
            lanes.done(d);
        }
        for n in 2..100 {
            let next = lanes.next().unwrap();
            assert_eq!(next, due("well", n));
            lanes.done(&next);
        }
        assert_eq!(lanes.next(), None);
        assert!(lanes.ran_dry());
        assert_eq!(lanes.supplied(), ["silent"]);
    }

    #[test]
    fn what_is_in_hand_is_not_taken_twice_and_what_is_done_may_come_again() {
        let mut lanes = Lanes::default();
        assert_eq!(lanes.add([due("a", 0), due("a", 0)]), 1);
        let begun = lanes.next().unwrap();
        assert_eq!(lanes.add([due("a", 0)]), 0, "at work");
        lanes.done(&begun);
        assert_eq!(lanes.add([due("a", 0)]), 1);
    }

    proptest! {
        /// Any mixture, ended in any order: bounds hold, each is taken once, and a
        /// tenant is passed over only where it has its share at work.
        #[test]
        fn bounds_hold_and_nobody_is_left_out(
            hosts in proptest::collection::vec(0_u8..40, 1..300), ends in proptest::collection::vec(any::<u16>(), 300)
        ) {
            let all: Vec<_> = hosts.iter().enumerate().map(|(n, h)| due(&h.to_string(), n)).collect();
            let mut lanes = Lanes::default();
            lanes.add(all.clone());
            let (mut working, mut taken): (Vec<Due>, Vec<Due>) = (Vec::new(), Vec::new());
            for end in ends.iter().cycle().take(1_000) {
                while let Some(next) = lanes.next() {
                    working.push(next);
                }
                prop_assert!(working.len() <= AT_ONCE);
                let share = |host: &str| working.iter().filter(|w| w.tenant_host == host).count();
                prop_assert!(all.iter().all(|d| share(&d.tenant_host) <= PER_TENANT));
                if working.len() < AT_ONCE {
                    for d in all.iter().filter(|d| !working.contains(d) && !taken.contains(d)) {
                        prop_assert_eq!(share(&d.tenant_host), PER_TENANT, "{:?} could have begun", d);
                    }
                }
                if working.is_empty() {
                    break;
                }
                let ended = working.swap_remove(usize::from(*end) % working.len());
                lanes.done(&ended);
                taken.push(ended);
            }
            prop_assert_eq!(taken.len(), all.len());
            prop_assert!(lanes.tenants.is_empty() && lanes.in_hand.is_empty() && lanes.turns.is_empty());
        }
    }
}
