//! The parts of a page that are alive in the browser, and nothing else: what is
//! here is sent to every visitor, so each one is small and says what it pulls
//! in. Without JavaScript each shows what it can and hides what it can't.

pub mod app_search;
pub mod copy_button;
#[cfg(feature = "hydrate")]
mod follow;
pub mod live_part;
#[cfg(feature = "hydrate")]
mod moments;
pub mod page_life;
pub mod settings_form;
#[cfg(feature = "hydrate")]
mod swap;
pub mod theme_switch;

pub use app_search::AppSearch;
pub use copy_button::CopyButton;
pub use live_part::LivePart;
pub use page_life::PageLife;
pub use settings_form::SaveSettingsButton;
pub use theme_switch::ThemeSwitch;
