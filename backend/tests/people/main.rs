//! The people of a portal, from the first start on: each rule as one test.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of the tests are tests"
)]

mod audit;
mod guessing;
mod house;
mod invitations;
mod names;
mod profile;
mod secrets;
mod set_up;
mod sign_in;
mod users;
mod web_sessions;
