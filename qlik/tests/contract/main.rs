//! The client against the sandbox tenant, over TLS, through the code that talks
//! to Qlik Cloud.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]
#![expect(unreachable_pub, reason = "one test binary: what its modules share is not reached from outside")]

mod account_at_sandbox;
mod admin;
mod api_keys;
mod bearer;
mod connections;
mod directory;
mod engine;
mod engine_faults;
mod faults;
mod login;
mod paging;
mod scene;
mod sessions;
