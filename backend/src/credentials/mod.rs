//! Qlik credentials: each user's own e-mail and password at Qlik.
//!
//! Qlik documents no such sign-in and blocks accounts that are refused too often, so
//! the rules are about doing no harm:
//!
//! - **One try for each password and reason.** That a password may be sent is written
//!   down before it is, and never is it sent again by itself once it may have been
//!   refused. Where the answer was lost the user, and nobody else, may ask for one
//!   more try, for which the password is taken out of the store. To type the stored
//!   password is no way around: it is tried as the stored one.
//! - **Never two at once** for one user, nor one before a hold is over: of the user,
//!   or of one of the tenant's hosts for all users of this server.
//! - **What was refused is not kept, what was not sent is.** A password that Qlik
//!   refused, or that can't work any more, is wiped; the last refused one is known
//!   again by its hash alone. A page that looks like anything else says nothing of a
//!   password that it has not seen.
//! - **What is typed replaces a stored one only if it worked.** Otherwise the stored
//!   one stays as it was, but where the answer means that it can't work either: Qlik
//!   took the typed one for right (and asks for a second factor, or for another
//!   password, or lets the account into no tenant), or has blocked the account.
//!
//! A user who is disabled keeps what they registered, as everything else of theirs:
//! only they can use it, and only while they are active. It goes with the user. An
//! e-mail can't be changed in this product; should it be, the row counts as unused.
//!
//! `core` and `settle` decide, without store or client; `attempt` acts.

mod attempt;
mod core;
mod door;
mod holds;
#[cfg(test)]
mod model;
mod register;
mod rows;
mod settle;
mod state;
mod view;
mod wipe;
mod words;

pub use register::Registered;
pub use state::CredentialState;
pub use view::CredentialsView;
pub(crate) use wipe::wipe_credentials;
