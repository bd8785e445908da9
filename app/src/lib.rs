//! What people see: pages, the parts they are made of, and the server functions
//! behind their forms.
//!
//! Pages are rendered on the server alone; the browser gets only the
//! [`islands`], the parts of a page that are alive. So everything that the two
//! share ([`wire`], [`error`], [`words`], [`tidy`], [`ui`], [`islands`], [`api`]) must
//! compile for both and must not know [`ssr`], [`pages`] or the backend. No
//! business rule lives here: a server function asks who is there, parses, makes
//! one call into `backend` and maps the answer.

#![recursion_limit = "256"]

#[cfg(all(feature = "ssr", target_arch = "wasm32"))]
compile_error!("server code must not reach the browser: build `app` for wasm32 with `hydrate` alone");
#[cfg(all(feature = "ssr", feature = "hydrate"))]
compile_error!("`ssr` and `hydrate` must not meet in one build: check `server` and `frontend` one by one");

pub mod api;
pub mod error;
pub mod islands;
pub mod routes;
pub mod tidy;
pub mod ui;
pub mod wire;
pub mod words;

#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
pub mod shell;
#[cfg(feature = "ssr")]
pub mod ssr;

pub use error::AppError;
#[cfg(feature = "ssr")]
pub use routes::App;
