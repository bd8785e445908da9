//! Qlik credentials through whatever order of events, with real sign-ins at the
//! sandbox, which counts them: a password that was or may have been refused is not
//! sent again by itself, and by the user once at most.

use std::{collections::HashSet, sync::Arc};

use backend::{credentials::CredentialState as State, door::Trouble};
use proptest::{prelude::*, test_runner::TestRunner};
use sandbox::{Effect, Fault, LoginShape};

use crate::{
    house::{House, mins},
    registering::{self, BEA, RIGHT, Scene},
    registering_broken::dies,
};

const LOGIN: &str = "/usernamepassword/login";
const OTHER: &str = "the other password";

#[derive(Debug, Clone, Copy)]
enum Event {
    /// The one that is right at Qlik, or a wrong one.
    Save(Option<&'static str>),
    /// Where the session is over, or as it is.
    Open {
        anew: bool,
    },
    Again,
    Remove,
    /// A process ends while it signs the user in.
    Dies,
    Password(&'static str),
    SecondFactor(bool),
    RateLimit(bool),
    Page(LoginShape),
    AnswerLost,
    Outage,
    Wipe,
    Minutes(i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => Just(Event::Save(None)),
        3 => prop::sample::select(vec![RIGHT, OTHER, "wrong"]).prop_map(|typed| Event::Save(Some(typed))),
        8 => prop::bool::weighted(0.8).prop_map(|anew| Event::Open { anew }),
        5 => Just(Event::Again),
        1 => Just(Event::Remove),
        1 => Just(Event::Dies),
        2 => prop::sample::select(vec![RIGHT, OTHER]).prop_map(Event::Password),
        1 => prop::bool::weighted(0.2).prop_map(Event::SecondFactor),
        1 => prop::bool::weighted(0.2).prop_map(Event::RateLimit),
        1 => prop::sample::select(vec![LoginShape::Classic, LoginShape::Classic, LoginShape::Changed]).prop_map(Event::Page),
        2 => Just(Event::AnswerLost),
        1 => Just(Event::Outage),
        1 => Just(Event::Wipe),
        5 => prop::sample::select(vec![1, 3, 61, 61]).prop_map(Event::Minutes),
    ]
}

/// What may be sent as things stand, as somebody sees it who looks from outside.
struct Watch {
    h: Arc<House>,
    bea: backend::Actor,
    /// Bea's password at Qlik.
    right: &'static str,
    /// The stored password worked the last time it was sent.
    trusted: bool,
    /// The password that was stored last.
    stored: &'static str,
    /// What was sent and did not work, or nobody knows, and has not worked since.
    refused: HashSet<&'static str>,
    /// It may have been refused, and the user has not tried it again since.
    again: bool,
    opened: u32,
    tried_again: u32,
}

impl Watch {
    async fn new() -> Self {
        let s = Scene::registered().await;
        let (h, bea) = (Arc::new(s.h), s.bea);
        let (stored, refused) = (RIGHT, HashSet::new());
        Self { h, bea, right: RIGHT, trusted: true, stored, refused, again: false, opened: 0, tried_again: 0 }
    }

    fn sent(&self) -> u32 {
        self.h.world.tries(BEA).tries
    }

    async fn works(&self) -> bool {
        let view = self.h.portal.credentials(&self.bea).await.unwrap();
        view.is_some_and(|v| v.state == State::Works && v.stored)
    }

    async fn happens(&mut self, event: Event) {
        let world = &self.h.world;
        let before = self.sent();
        match event {
            Event::Save(typed) => {
                let typed = typed.unwrap_or(self.right);
                let saved = self.h.portal.register_credentials(&self.bea, typed.to_owned().into()).await;
                if saved.is_ok_and(|s| s.stored) {
                    (self.trusted, self.again, self.stored) = (true, false, typed);
                    self.refused.remove(typed);
                } else if self.sent() > before {
                    self.refused.insert(typed);
                }
            }
            Event::Open { anew } => {
                if anew {
                    world.end_sessions(&self.h.tenant);
                    self.h.advance(mins(2));
                }
                let opened = registering::apps(&self.h, &self.bea).await;
                self.opened += self.by_itself(before, &opened);
            }
            Event::Dies => {
                dies(Arc::clone(&self.h), None).await;
                if self.sent() > before {
                    self.by_itself(before, &Ok(0));
                    (self.trusted, self.again) = (false, true);
                }
            }
            Event::Again => {
                let again = self.h.portal.try_credentials_again(&self.bea).await;
                if self.sent() > before {
                    assert!(self.again && !self.trusted, "sent once more than once");
                    self.again = false;
                    self.tried_again += 1;
                }
                if again.is_ok_and(|a| a.stored) {
                    (self.trusted, self.again) = (true, false);
                    self.refused.remove(self.stored);
                }
            }
            Event::Remove => self.h.portal.remove_credentials(&self.bea).await.unwrap(),
            Event::Password(password) => {
                world.set_password(BEA, password);
                self.right = password;
            }
            Event::SecondFactor(on) => world.set_otp(BEA, on.then_some("123456")),
            Event::RateLimit(on) => world.set_login_rate_limited(on.then_some(120)),
            Event::Page(shape) => world.set_login_shape(shape),
            Event::AnswerLost => drop(world.add_fault(Fault::new(LOGIN, Effect::CutAfter).once())),
            Event::Outage => drop(world.add_fault(Fault::new("/authorize", Effect::CutBefore).once())),
            Event::Wipe => registering::use_credentials(&self.h).await,
            Event::Minutes(n) => self.h.advance(mins(n)),
        }
        assert!(self.sent() - before <= 1, "{event:?} sent the password more than once");
        if self.trusted && !self.works().await {
            // What is kept although it does not work may be tried by the user.
            (self.trusted, self.again) = (false, true);
        }
    }

    /// What the product does by itself.
    fn by_itself(&mut self, before: u32, opened: &Result<usize, Trouble>) -> u32 {
        let sent = self.sent() - before;
        assert!(
            sent == 0 || !self.refused.contains(self.stored),
            "sent by itself after it was refused as typed"
        );
        assert!(
            sent == 0 || self.trusted,
            "sent by itself after it was or may have been refused: {opened:?}"
        );
        sent
    }
}

#[test]
fn no_sequence_of_events_makes_more_than_one_try_after_a_refusal() {
    let config = ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() };
    let totals = std::cell::Cell::new((0, 0));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    TestRunner::new(config)
        .run(&prop::collection::vec(event(), 10..40), |events| {
            runtime.block_on(async {
                let mut watch = Watch::new().await;
                for event in events {
                    watch.happens(event).await;
                }
                assert!(watch.h.world.tries(BEA).most_in_flight <= 1, "two at once");
                let (opened, again) = totals.get();
                totals.set((opened + watch.opened, again + watch.tried_again));
            });
            Ok(())
        })
        .unwrap();
    let (opened, again) = totals.get();
    assert!(opened > 5 && again > 0, "{opened} sign-ins by itself, {again} by the user again");
}
