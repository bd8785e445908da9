//! What every request goes through.

mod client_ip;
mod functions;
mod headers;
mod origin;
mod panics;
mod storage;

pub(crate) use client_ip::client_ip;
pub(crate) use functions::functions;
pub(crate) use headers::headers;
pub(crate) use origin::{Origins, same_origin};
pub(crate) use panics::on_panic;
pub(crate) use storage::{Sessions, storage};
