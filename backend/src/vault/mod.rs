//! Secrets at rest: AES-256-GCM under numbered keys, each value bound to where
//! it is kept. Knows nothing of what the secrets are for.

mod keyring;
mod seal;

pub use keyring::{Keyring, KeyringError};
pub use seal::{Place, Vault, VaultError};
