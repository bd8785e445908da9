//! A drawing of the key's life: the key as a bar, its renewal as a mark, now as a
//! line, and the old key on its way out. The facts above it say the same.

use backend::integration::StatusView;
use jiff::Timestamp;
use leptos::prelude::*;

/// How many steps the drawing is wide. Few enough that it changes every few
/// minutes rather than every second.
const WIDTH: i64 = 400;

/// A stretch of time as wide as the drawing.
struct Span {
    start: i64,
    end: i64,
}

impl Span {
    fn x(&self, at: i64) -> i64 {
        let long = (self.end - self.start).max(1);
        ((at - self.start).saturating_mul(WIDTH) / long).clamp(0, WIDTH)
    }
}

/// The drawing.
pub(super) fn timeline(status: &StatusView, now: Timestamp) -> AnyView {
    let key = &status.key;
    let second = |t: Timestamp| t.as_second();
    // The old key was there before; a tenth of the life is shown of that time.
    let days = second(key.expires_at) - second(key.created_at);
    let before = if status.old_key_until.is_some() { days / 10 } else { 0 };
    let span = Span { start: second(key.created_at) - before, end: second(key.expires_at) };
    let from = span.x(second(key.created_at));
    let (renewal, line) = (span.x(second(status.renew_at)), span.x(second(now)));
    let old = status.old_key_until.map(|until| {
        view! { <rect class="t-old" x="0" y="4" width=span.x(second(until)).max(2).to_string() height="6" rx="3"/> }
    });
    view! {
        <figure class="timeline" aria-hidden="true">
            <svg viewBox="0 0 400 32" preserveAspectRatio="none" focusable="false">
                {old}
                <rect
                    class="t-key"
                    x=from.to_string()
                    y="14"
                    width=(WIDTH - from).to_string()
                    height="10"
                    rx="3"
                />
                <rect class="t-due" x=renewal.saturating_sub(1).to_string() y="10" width="2" height="18"/>
                <rect class="t-now" x=line.saturating_sub(1).to_string() y="2" width="2" height="30"/>
            </svg>
            <figcaption class="legend">
                <span class="l-key">"Key"</span>
                <span class="l-due">"Renewal"</span>
                <span class="l-now">"Now"</span>
                {status.old_key_until.is_some().then(|| view! { <span class="l-old">"Old key"</span> })}
            </figcaption>
        </figure>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_outside_of_the_span_stay_in_the_drawing() {
        let span = Span { start: 1000, end: 2000 };
        assert_eq!(
            [span.x(0), span.x(1000), span.x(1500), span.x(2000), span.x(9000)],
            [0, 0, 200, 400, 400]
        );
    }

    #[test]
    fn a_key_without_a_life_is_drawn_all_the_same() {
        let span = Span { start: 5, end: 5 };
        assert!((0..=WIDTH).contains(&span.x(5)));
    }
}
