//! The server functions behind the forms. Each asks who is there, parses, makes
//! one call into the backend, and says where to go. Their addresses are stable:
//! plain forms post to them, and so may scripts.

pub mod change;
pub mod matching;
pub mod notices;
pub mod people;
pub mod profile;
pub mod qlik;
pub mod set_up;
pub mod settings;
pub mod signing_key;
pub mod users;

/// The names of the forms: what a form that was not taken leaves is found by it,
/// and the fields' element ids begin with it.
pub mod form {
    /// Makes the portal.
    pub const SET_UP: &str = "setup";
    /// Signs in.
    pub const SIGN_IN: &str = "login";
    /// Signs out.
    pub const SIGN_OUT: &str = "logout";
    /// Sets the first password.
    pub const JOIN: &str = "join";
    /// Changes one's own name.
    pub const RENAME: &str = "name";
    /// Changes one's own password.
    pub const CHANGE_PASSWORD: &str = "password";
    /// One's own way to Qlik.
    pub const QLIK: &str = "qlik";
    /// Adds a person.
    pub const ADD_USER: &str = "add-user";
    /// Changes something about one person.
    pub const USER: &str = "user";
    /// The Qlik Sense integration.
    pub const SETTINGS: &str = "settings";
    /// Tests the connection or renews the key.
    pub const STATUS: &str = "status";
    /// Looks at the coming renewal.
    pub const RENEWALS: &str = "renewals";
    /// Compares the users with those of the Qlik tenant.
    pub const MATCHING: &str = "matching";
    /// What Qlik may do at a sign-in.
    pub const ALLOW: &str = "allow";
    /// How mail is sent.
    pub const MAIL: &str = "mail";
    /// Where webhooks go.
    pub const WEBHOOK: &str = "webhook";
    /// What is told.
    pub const NOTICES: &str = "notices";
    /// Ends the integration.
    pub const DISCONNECT: &str = "disconnect";
    /// Brings a change into force, or gives it up.
    pub const CHANGE: &str = "change";
    /// Sets the connection up with one key.
    pub const SET_UP_KEY: &str = "set-up";
    /// Creates the identity provider at Qlik.
    pub const IDENTITY_PROVIDER: &str = "identity-provider";
    /// Replaces the signing key.
    pub const SIGNING_KEY: &str = "signing-key";
}
