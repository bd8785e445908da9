//! The pages and server functions, whole: visits without script, and the calls
//! that a script makes. One program, so that what they share is built once.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on ends")]

mod guide;
mod house;
mod markup;
mod matching;
mod notifications;
mod people;
mod settings;
mod signing_key;
