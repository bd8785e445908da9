//! A change of mind: another tenant, web integration or option for a portal that
//! is connected.
//!
//! What was typed and works is kept beside what is in force (`stage.rs`), with a
//! comparison that says which users would no longer be let in (`view.rs`). One
//! switch brings it into force, after it was tested once more (`switch.rs`). The
//! settings before, and where the tenant is another one their key, are kept for
//! the way back (`previous.rs`) until their time is over (`end.rs`).
//!
//! This module must not know how a connection is tested or stored.

mod consequences;
mod end;
mod previous;
mod provider;
mod stage;
mod switch;
mod view;

pub use consequences::Consequences;
pub(crate) use previous::{Leaving, Previous};
pub(crate) use stage::take_staged;
pub use switch::SwitchEnd;
pub use view::{BreaksPage, ChangeView, KeyChange, PreviousView, Unlucky};

use crate::{
    connection::Connection,
    integration::{Typed, same_tenant},
};

/// For how long a change that nobody switches to is kept, and the way back after
/// one that somebody did, in seconds.
const KEEP: i64 = 7 * 86_400;

/// Whether these settings are others than those in force, the key and the client's
/// secret aside. Another name of the same tenant is no other tenant; `tenant_id` is what
/// the host that was typed said, empty where nobody could ask.
pub(crate) fn is_change(at: &Connection, typed: &Typed, tenant_id: &str) -> bool {
    !same_tenant(at, &typed.host, tenant_id)
        || at.web_integration_id != typed.web_integration_id
        || at.option != typed.option()
        || at.email_as_subject != typed.email_as_subject()
        || at.client_id.as_deref() != typed.client_id()
}
