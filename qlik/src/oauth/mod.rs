//! OAuth at Qlik Cloud: <https://qlik.dev/authenticate/oauth/> and
//! <https://qlik.dev/apis/rest/oauth>.
//!
//! Two ways lead to a token that acts for a user:
//!
//! - **Each user connects.** The browser is sent to [`authorize_url`], Qlik signs the
//!   person in, with whatever provider and second factor the tenant has, and sends
//!   back a code, which [`Qlik::exchange_code`](crate::Qlik::exchange_code) turns into
//!   tokens. With the scope `offline_access` there is a refresh token for
//!   [`Qlik::refresh`](crate::Qlik::refresh), which gives another one each time.
//! - **For everyone.** A client of type Web with machine-to-machine impersonation gets
//!   a token for any user by [`Qlik::impersonate`](crate::Qlik::impersonate)
//!   (<https://qlik.dev/authenticate/oauth/implement-oauth-impersonation/>). The user
//!   must exist; nobody is made or changed by it.
//!
//! A token is used with [`Qlik::with_bearer`](crate::Qlik::with_bearer), for every
//! endpoint and for the engine's websocket.
//!
//! ```no_run
//! # async fn run(qlik: &qlik::Qlik, stored_secret: &str) -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use qlik::oauth::{ClientSecret, OAuthClient, OAuthClientId, UserLookup};
//! use qlik::TenantHost;
//!
//! let host: TenantHost = "acme.eu.qlikcloud.com".parse()?;
//! let id: OAuthClientId = "b3ee66d6f21d1611efa89a425f656f6f".parse()?;
//! let secret = ClientSecret::new(stored_secret);
//! let client = OAuthClient { id: &id, secret: Some(&secret) };
//!
//! let user_id = "8f2b77Zq";
//! let tokens = qlik.impersonate(&host, client, UserLookup::UserId(user_id), "user_default").await?;
//! let tenant = qlik.with_bearer(&host, Arc::new(tokens.access), user_id);
//! println!("hello {}", tenant.user_me().await?.name);
//! # Ok(())
//! # }
//! ```
//!
//! This module must not know where tokens are kept, nor when they should be renewed.

mod authorize;
mod discovery;
mod error;
mod grants;
mod pkce;
mod probe;
mod refusal;
mod tokens;

pub use self::authorize::{Authorize, Prompt, authorize_url};
pub use self::discovery::OAuthServer;
pub use self::error::{OAuthError, OAuthErrorKind};
pub use self::grants::{CodeExchange, OAuthClient, OAuthToken, UserLookup};
pub use self::pkce::Pkce;
pub use self::probe::Probed;
pub use self::tokens::{
    AccessToken, AuthorizationCode, ClientIdError, ClientSecret, OAuthClientId, RefreshToken, TokenSet,
};
