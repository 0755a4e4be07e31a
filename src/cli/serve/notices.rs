//! What the emulator has to tell while it serves, in sentences for a person.

use std::error::Error as _;

use super::advice::AdviceLog;
use super::say::{say, warn};
use crate::data_plane::event_queue::destination::DeliveryError;
use crate::emulator::Notice;
use crate::system::watchdog::link::Loss;

/// Says what a notice tells, unless it is advice that was given before.
pub(super) fn tell(notice: &Notice, given: &mut AdviceLog) {
    match notice {
        Notice::Advice(advice) => given.new_text(advice).iter().for_each(|text| say(text)),
        Notice::WatchdogLost(loss) => warn(&loss_text(loss)),
        Notice::DeliveryFailed(error) => warn(&delivery_text(error)),
    }
}

/// Why a record was not delivered.
pub(super) fn delivery_text(error: &DeliveryError) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn loss_text(loss: &Loss) -> String {
    match loss {
        Loss::Replaced { status } => format!("the watchdog ended ({status}) and was replaced"),
        Loss::Final { status, .. } => format!(
            "the watchdog ended ({status}) and can't be replaced; if mtl is killed, processes of \
             the function stay behind"
        ),
    }
}
