//! The client against small servers of its own making, over TLS: a login host whose
//! pages come in several shapes, and an OAuth server.
//!
//! The sandbox plays one tenant strictly. What is tested here is that nothing is
//! bound to how one stand-in builds its pages, and what each broken answer does.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not take for tests"
)]
#![expect(unreachable_pub, reason = "one test binary: what its modules share is not reached from outside")]

mod account;
mod account_ends;
mod account_faults;
mod account_pages;
mod account_refusals;
mod account_secrets;
mod account_tenant;
mod account_way;
mod clients;
#[cfg(target_os = "linux")]
mod memory;
mod oauth;
mod oauth_probe;
mod site;
mod stage;
