//! Who will match: the portal's users compared with the Qlik tenant's, and what
//! a sign-in may do at Qlik.
//!
//! [`judge`] is pure, and the one place that decides: the door asks it before a
//! session is opened, a run asks it for everybody. A run is started by an
//! administrator and worked off beside the requests, a page of Qlik's users or a
//! batch of the portal's at a time, each written down before the next: a crash
//! loses one step. It holds one page or one batch in memory, and never asks Qlik
//! for a single user.
//!
//! Must not know how a session is opened.

mod ends;
mod judge;
mod read;
mod rows;
mod rules;
mod run;
mod settle;
mod view;
mod words;

pub use judge::{Judged, Person, Rules, Seen, Sends, Verdict, judge};
pub use rows::{MatchRow, RowsPage, RowsQuery, Sort};
pub use run::Started;
pub(crate) use run::begin_run;
pub use view::{Allowed, MatchingView, RunState, RunView};
