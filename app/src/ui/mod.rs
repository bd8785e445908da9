//! The parts that pages are made of: no data access, no backend, the same on
//! the server and in an island.

pub mod alert;
pub mod badge;
pub mod button;
pub mod card;
pub mod copy;
pub mod field;
pub mod form;
pub mod icons;
pub mod nav;
#[cfg(feature = "ssr")]
pub mod page;
pub mod table;
pub mod time;
