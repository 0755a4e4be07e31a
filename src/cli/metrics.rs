//! `mtl metrics`: from its options to the report on stdout, and what is said to a person besides.

mod format;
mod progress;

mod help;
mod plan;

mod answer;
pub(crate) mod args;
mod cost;
mod logs;

mod ask;
mod print;

use self::args::MetricsArgs;
use self::ask::Inquiry;
use crate::cli::failure::{Exit, Failure};
use crate::cli::target::block_on;
use crate::client::cloudwatch::CloudWatch;

/// Prints the report, once or again and again.
///
/// # Errors
///
/// When the options don't go together, or there is no answer.
pub(crate) fn run(args: MetricsArgs) -> Result<Exit, Failure> {
    let plan = args.plan()?;
    block_on(async {
        let cloudwatch =
            CloudWatch::for_target(&plan.target).await.map_err(|error| plan.failure(error))?;
        loop {
            let window = plan.window()?;
            let inquiry = Inquiry { cloudwatch: &cloudwatch, plan: &plan, window: &window };
            let answer = inquiry.answer().await?;
            if !print::print(&plan, &window, &answer)? {
                return Ok(Exit::Done);
            }
            print::say_price(&plan, cloudwatch.asked());
            let Some(pause) = plan.watch else { return Ok(Exit::Done) };
            tokio::time::sleep(pause).await;
        }
    })?
}
