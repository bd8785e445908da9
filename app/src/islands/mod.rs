//! The parts of a page that are alive in the browser, and nothing else: what is
//! here is sent to every visitor, so each one is small and says what it pulls
//! in. Without JavaScript each shows what it can and hides what it can't.

pub mod copy_button;
pub mod local_time;
pub mod submit_button;
pub mod theme_switch;

pub use copy_button::CopyButton;
pub use local_time::{Countdown, LocalTime};
pub use submit_button::SubmitButton;
pub use theme_switch::ThemeSwitch;
