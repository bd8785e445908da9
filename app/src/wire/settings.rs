//! What a script hears that saved the settings.

use serde::{Deserialize, Serialize};

/// How a save ended, for the page that asked. A browser that posts the form by
/// itself is sent to the settings page instead, which shows the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaveAnswer {
    /// It is stored.
    pub saved: bool,
    /// Where to go next, a path of this portal: the settings where it is stored, the
    /// page of the change where it waits to be switched to. None where it does not work.
    pub next: Option<String>,
    /// The parts of the page that say why nothing was stored, each an element
    /// with the id of the one that it takes the place of. Rendered by the page's
    /// own code, so that both ways show the same, and no code for it is sent.
    pub html: Option<String>,
}
