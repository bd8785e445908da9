//! The name `paste` over the maintained crate `pastey`, whose macro is the same.

#![no_std]

pub use pastey::paste;
