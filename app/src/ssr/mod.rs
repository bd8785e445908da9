//! What pages and server functions need of the server: who is asking, the
//! product's [`Services`](backend::Services), redirects, and what one request
//! leaves for the next. No business rule lives here.

pub mod auth;
pub mod change;
pub mod ctx;
pub mod denied;
pub mod device;
mod error;
pub mod flash;
pub mod form;
pub mod matching;
pub mod people;
pub mod qlik;
pub mod settings;
pub mod settings_forms;
pub mod signing_key;

pub use settings::status_json;
