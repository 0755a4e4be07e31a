//! How `mtl serve` stops: what runs has some time to finish, a second signal ends it at once, and what
//! could not be finished is said.

use std::process::ExitCode;
use std::time::Duration;

use super::notices::delivery_text;
use super::say::{say, warn};
use super::serving::{Serving, StopReason};
use super::signals::{Signals, exit_code};
use super::summary;
use crate::cli::failure::Exit;
use crate::data_plane::event_queue::DroppedEvent;
use crate::data_plane::functions::Functions;
use crate::emulator::{RunningEmulator, Stopped};
use crate::system::stderr;

/// Stops serving, and returns the exit code.
pub(super) async fn stop(serving: Serving, reason: StopReason, grace: Duration) -> ExitCode {
    let Serving { emulator, mut signals, command, .. } = serving;
    signals.expect_the_last();
    // The one that still runs is killed with the value.
    drop(command);
    let functions = emulator.functions().clone();
    if let StopReason::SecondSignal(_) = reason {
        emulator.killer().cancel();
    } else {
        say_what_is_waited_for(&functions, grace);
    }
    let cut_short = wait_until_stopped(emulator, &mut signals, grace).await;
    say_summaries(&functions);
    match reason {
        StopReason::Signal => cut_short.unwrap_or(Exit::Done.into()),
        StopReason::CommandEnded(code) => code,
        StopReason::SecondSignal(signal) => exit_code(signal),
    }
}

/// Returns the exit code for a signal that came meanwhile, if one did.
async fn wait_until_stopped(
    emulator: RunningEmulator,
    signals: &mut Signals,
    grace: Duration,
) -> Option<ExitCode> {
    let killer = emulator.killer();
    let stopped = emulator.stop(grace);
    tokio::pin!(stopped);
    let mut cut_short = None;
    let stopped = loop {
        tokio::select! {
            stopped = &mut stopped => break stopped,
            signal = signals.next() => {
                killer.cancel();
                cut_short = Some(exit_code(signal));
            }
        }
    };
    for left in left_behind(&stopped) {
        warn(&left);
    }
    cut_short
}

fn say_what_is_waited_for(functions: &Functions, grace: Duration) {
    let running: u32 = functions.all().iter().map(|served| served.data_plane.running()).sum();
    let waiting: u64 = functions.all().iter().map(|served| served.event_queue.counts().depth).sum();
    if running > 0 || waiting > 0 {
        let grace = grace.as_secs_f64();
        say(&format!(
            "stopping; what runs ({running}) and what waits ({waiting}) has {grace} s to finish, \
             a second signal ends it at once"
        ));
    }
}

/// What a stop could not finish, a sentence each.
fn left_behind(stopped: &Stopped) -> Vec<String> {
    let mut left: Vec<String> = stopped.failed_deliveries.iter().map(delivery_text).collect();
    for DroppedEvent { request_id, tenant } in &stopped.dropped {
        let tenant = tenant.as_ref().map(|id| format!(" of tenant `{id}`")).unwrap_or_default();
        left.push(format!("the event {request_id}{tenant} was dropped"));
    }
    if stopped.unwritten_logs > 0 {
        let lines = stopped.unwritten_logs;
        left.push(format!("{lines} log lines were lost: they were not read or written in time"));
    }
    if !stopped.watchdog_ended {
        left.push("the watchdog still looks for processes of the function".to_owned());
    }
    left
}

fn say_summaries(functions: &Functions) {
    let one = functions.all().len() == 1;
    for served in functions.all() {
        let (counts, events) = (served.data_plane.counts(), served.event_queue.counts());
        if let Some(summary) = summary::text(&counts, events) {
            let name = if one { String::new() } else { format!("{}:\n", served.function().name) };
            stderr::print_line(&format!("{name}{summary}"));
        }
    }
}
