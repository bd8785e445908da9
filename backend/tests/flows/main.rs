//! Whole flows: a portal beside a sandbox tenant, under one clock that is moved.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on ends")]

mod asking;
#[path = "../../../end2end/sandbox/tests/http/browser.rs"]
#[expect(dead_code, reason = "the sandbox's own tests use the rest of it")]
mod browser;
mod changing;
mod connecting;
mod delivering;
mod despite;
mod doctor;
mod doctor_rows;
mod encrypted;
mod gauging;
mod house;
mod impersonating;
mod leaving;
mod linking;
mod looking;
mod mailserver;
mod matching;
mod matching_door;
mod matching_faults;
mod my_apps;
mod naming;
mod onboarding;
mod options;
mod options_oauth;
mod probing;
mod receivers;
mod refreshing;
mod refreshing_broken;
mod registering;
mod registering_broken;
mod registering_elsewhere;
mod registering_held;
mod registering_memory;
mod registering_refused;
mod registering_retyped;
mod registering_sequences;
mod renewing;
mod restoring;
mod rotating;
mod rotating_broken;
mod rotating_by_hand;
mod rotating_dying;
mod saving;
mod storing;
mod support;
mod telling;
mod tls;
mod told;
