//! What became of the last notifications.

use backend::notices::{Channel, Delivery, DeliveryState};
use leptos::prelude::*;

use crate::{
    ui::{
        badge::Badge,
        card::{Card, Empty},
        table::Table,
        time::{Moment, Time},
    },
    wire::Tone,
};

pub(super) fn table(deliveries: Vec<Delivery>) -> AnyView {
    if deliveries.is_empty() {
        return view! {
            <Empty title="Nothing was sent yet">
                <p>"Each notification is listed here with what became of it. Set up mail or a webhook above."</p>
            </Empty>
        }
        .into_any();
    }
    view! {
        <Card id="deliveries" title="Last deliveries">
            <Table caption="Deliveries, newest first" columns=&["Arose", "By", "Notification", "State"]>
                {deliveries.into_iter().map(|delivery| view! { <Row delivery/> }).collect_view()}
            </Table>
        </Card>
    }
    .into_any()
}

#[component]
fn Row(delivery: Delivery) -> impl IntoView {
    let (tone, text, at) = match delivery.state {
        DeliveryState::Sent(at) => (Tone::Good, "Sent", Some(at)),
        DeliveryState::Waiting(at) if delivery.tries > 0 => (Tone::Warning, "Tried again", Some(at)),
        DeliveryState::Waiting(_) => (Tone::Neutral, "On its way", None),
        DeliveryState::GivenUp => (Tone::Bad, "Given up", None),
    };
    let by = match delivery.channel {
        Channel::Mail => "Mail",
        Channel::Webhook => "Webhook",
    };
    let tries = match delivery.tries {
        0 | 1 => None,
        n => Some(view! { <span class="sub">{n} " tries"</span> }),
    };
    view! {
        <tr>
            <td class="nowrap"><Time at=Moment::from(delivery.at)/></td>
            <td>{by}</td>
            <td>{delivery.title} {delivery.error.map(|text| view! { <span class="sub">{text}</span> })}</td>
            <td>
                <Badge tone text/>
                {at.map(|at| view! { <span class="sub"><Time at=Moment::from(at)/></span> })}
                {tries}
            </td>
        </tr>
    }
}
