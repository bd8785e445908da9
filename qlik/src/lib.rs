//! A client for [Qlik Cloud](https://qlik.dev), with its ways to authenticate.
//!
//! - **API keys** ([`ApiKeyToken`]): calls as the key's owner; keys can be made,
//!   listed, renamed and deleted.
//! - **Signed tokens** ([`SigningIdentity`], [`Qlik::login_jwt`]): a server opens
//!   a session for a user of its own, at a tenant that trusts its certificate.
//! - **OAuth** ([`oauth`], [`Qlik::with_bearer`]): each user connects in their own
//!   browser, or a client acts for any user; codes, refresh tokens, impersonation.
//! - **Qlik accounts** ([`account`], [`Qlik::login_with_password`]): a session by the
//!   person's own e-mail address and password, where the tenant signs people in so.
//! - **Sessions** ([`QlikSession`], [`SessionCache`]): cookies and CSRF token,
//!   kept whole, renewed in time and opened once however many ask.
//! - **The engine** ([`Tenant::engine_version`]): whether the websocket of an app
//!   opens for the caller, which is more than its REST calls tell.
//!
//! Endpoints are typed methods of [`Tenant`], and every failure is an [`Error`]
//! that says what kind it is, whether a change may have happened all the same,
//! and what Qlik's support will ask for. Time and randomness are parameters
//! ([`Clock`], [`Entropy`]), so that flows can be tested by moving a clock.
//!
//! Credentials go to the tenant's host over HTTPS and nowhere else: redirects
//! and links that leave it are refused. A Qlik account's password goes to Qlik's login
//! host, once. Qlik's rate limits are respected.
//!
//! # Which one to use
//!
//! | | acts as | needs | lasts |
//! |---|---|---|---|
//! | API key | its owner | a key | until its expiry |
//! | OAuth, each user connects | the person | a client, one consent | 6 hours, renewed by refresh tokens |
//! | OAuth, impersonation | any user that exists | a client of an administrator | 6 hours |
//! | signed token | a user that is known or made | an identity provider of type JWT | a session |
//! | Qlik account | the person | e-mail and password; no second factor, no provider of the organisation | a session |
//!
//! Qlik recommends OAuth (<https://qlik.dev/authenticate/>). Qlik accounts are the last
//! choice: their login is made for browsers and may change at any time.
//!
//! # The apps of a user
//!
//! ```no_run
//! use std::sync::Arc;
//! use qlik::{ApiKeyToken, AppQuery, Qlik, QlikConfig, SystemClock, SystemEntropy, TenantHost};
//!
//! # async fn run(pasted_key: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let qlik = Qlik::new(QlikConfig::default(), Arc::new(SystemClock), Arc::new(SystemEntropy))?;
//! let host: TenantHost = "acme.eu.qlikcloud.com".parse()?;
//! let key = Arc::new(ApiKeyToken::parse(pasted_key)?);
//! let tenant = qlik.with_key(&host, key);
//!
//! let mut query = AppQuery::default();
//! loop {
//!     let page = tenant.apps_page(&query).await?;
//!     for app in page.data {
//!         println!("{}  {}", app.name, app.open_url);
//!     }
//!     let Some(next) = page.next else { break };
//!     query.cursor = Some(next);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What it is built on
//!
//! Qlik's public documentation; each fact is named with its address where it is
//! used. Where the documentation is silent, the type says so, with an `Option`
//! or an `Other`.

pub mod account;
mod answer;
pub mod client;
mod cookies;
mod credential;
mod email;
mod endpoints;
pub mod engine;
pub mod env;
pub mod error;
mod error_kind;
pub mod host;
pub mod jwt;
mod lenient;
mod limits;
mod links;
mod login;
pub mod oauth;
mod open_enum;
mod paging;
mod request;
pub mod resolve;
pub mod secret;
pub mod session;
pub mod sessions;
mod tls_fault;
mod transport;
mod wiped;

pub use account::{
    AccountPassword, FormShape, LoginStep, PageShape, PasswordLogin, PasswordLoginError, SignIn, SignInWay,
};
pub use client::{Qlik, QlikConfig, Tenant};
pub use email::{email_key, same_email};
pub use endpoints::api_keys::{ApiKey, ApiKeyQuery, CreatedApiKey, KeyStatus, NewApiKey};
pub use endpoints::identity_providers::{IdentityProvider, NewJwtIdp, StaticKey};
pub use endpoints::items::{AppItem, AppQuery, AppSort, Space};
pub use endpoints::key_config::{ApiKeyConfig, ApiKeyConfigChange};
pub use endpoints::oauth_clients::{
    AppType, ConnectionConfig, ConsentMethod, CreatedOAuthClient, GrantType, NewOAuthClient, OAuthClientInfo,
    SecretHint,
};
pub use endpoints::tenants::{Probe, TenantInfo};
pub use endpoints::users::{Group, Role, User, UserStatus, untagged};
pub use endpoints::web_integrations::WebIntegration;
pub use engine::{EngineInfo, SessionState};
pub use env::{Clock, Entropy, SystemClock, SystemEntropy, clock_offset, random_id};
pub use error::{Error, ErrorKind};
pub use host::{ConsolePage, HostError, HostPolicy, TenantHost};
pub use jwt::{Certificate, JwtSubject, SigningIdentity};
pub use login::JwtLogin;
pub use oauth::{AccessToken, OAuthClientId, OAuthError, OAuthErrorKind, TokenSet};
pub use paging::Page;
pub use resolve::{Resolve, ResolveError};
pub use secret::{ApiKeyToken, CookieHeader, CsrfToken, KeyClaims, LoginToken, SigningKeyPem, TokenError};
pub use session::{QlikSession, StoredSessionError};
pub use sessions::{SessionCache, SessionLimits};
pub use tls_fault::TlsFault;
pub use transport::ConfigError;
