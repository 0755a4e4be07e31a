//! Latency and rate of warm invocations.

use crate::kinds::Kind;
use crate::machine::Machine;
use crate::statistics::median;
use crate::table::{Figure, say};
use crate::wrk::{self, Measured};

const ROUNDS: usize = 5;
const SECONDS: u32 = 3;

/// What the rounds of one server came to.
struct Runs {
    kind: Kind,
    /// Why it isn't measured.
    skipped: Option<String>,
    measured: Vec<Measured>,
}

/// Of all servers.
struct Comparison(Vec<Runs>);

/// One connection, one tenant.
pub(crate) fn warm(machine: &Machine) -> Result<Vec<Figure>, String> {
    let peer = Kind::CargoLambda { functions: 1 };
    let kinds = [Kind::Floor, Kind::Mtl, Kind::Base, peer, Kind::Rie, Kind::Nginx];
    let all = compare(machine, 1, &kinds)?;
    let ratio = |what: &str, over: Kind, goal: f64| {
        let before = all.p50(Kind::Base, over).ok();
        let name = format!("warm p50, 1 connection / {what}");
        Figure::measured(name, all.p50(Kind::Mtl, over)).before(before).at_most(goal)
    };
    Ok(vec![
        ratio("floor", Kind::Floor, 1.3),
        ratio("cargo-lambda", peer, 0.55),
        ratio("RIE", Kind::Rie, 0.35),
        Figure::measured("rate of the floor / nginx", all.rate(Kind::Floor, Kind::Nginx))
            .at_least(0.7),
    ])
}

/// Sixteen connections, each of a tenant of its own.
pub(crate) fn tenants(machine: &Machine) -> Result<Vec<Figure>, String> {
    let peer = Kind::CargoLambda { functions: 16 };
    let kinds = [Kind::Floor, Kind::Mtl, Kind::Base, Kind::MtlJson, Kind::BaseJson, peer];
    let all = compare(machine, 16, &kinds)?;
    let ratio = |what: &str, [now, before]: [Kind; 2], over: Kind, goal: f64| {
        let name = format!("rate, 16 connections over 16 tenants{what}");
        let before = all.rate(before, over).ok();
        Figure::measured(name, all.rate(now, over)).before(before).at_least(goal)
    };
    let text = [Kind::Mtl, Kind::Base];
    let tail = |kind| Ok(all.of(kind, |it| it.p99)? / all.of(kind, |it| it.p50)?);
    Ok(vec![
        ratio(" / floor", text, Kind::Floor, 0.9),
        ratio(", -o json / floor", [Kind::MtlJson, Kind::BaseJson], Kind::Floor, 0.8),
        ratio(" / cargo-lambda", text, peer, 2.2),
        Figure::measured("p99 / p50 of the same", tail(Kind::Mtl))
            .before(tail(Kind::Base).ok())
            .at_most(3.0),
    ])
}

/// Measures all in turn, round after round.
fn compare(machine: &Machine, connections: u32, kinds: &[Kind]) -> Result<Comparison, String> {
    let mut all: Vec<Runs> = Vec::new();
    for kind in kinds {
        let skipped = kind.start(machine).err();
        all.push(Runs { kind: *kind, skipped, measured: Vec::new() });
    }
    for _ in 0..ROUNDS {
        for runs in all.iter_mut().filter(|runs| runs.skipped.is_none()) {
            let server = runs.kind.start(machine)?;
            // Starts the environments, and what else is slow only once.
            let measured = wrk::run(machine, &server.url(), connections, 1)
                .and_then(|_| wrk::run(machine, &server.url(), connections, SECONDS));
            match measured {
                Ok(measured) => runs.measured.push(measured),
                Err(reason) => runs.skipped = Some(reason),
            }
        }
    }
    let all = Comparison(all);
    all.print();
    Ok(all)
}

impl Comparison {
    /// The median of a figure of a server.
    fn of(&self, kind: Kind, field: fn(&Measured) -> f64) -> Result<f64, String> {
        let runs = self.0.iter().find(|runs| runs.kind == kind);
        let runs = runs.ok_or_else(|| format!("{} is not measured", kind.name()))?;
        match &runs.skipped {
            Some(reason) => Err(format!("{}: {}", kind.name(), reason.replace('\n', " "))),
            None => Ok(median(&runs.measured.iter().map(field).collect::<Vec<_>>())),
        }
    }

    fn p50(&self, kind: Kind, over: Kind) -> Result<f64, String> {
        Ok(self.of(kind, |it| it.p50)? / self.of(over, |it| it.p50)?)
    }

    fn rate(&self, kind: Kind, over: Kind) -> Result<f64, String> {
        Ok(self.of(kind, |it| it.rate)? / self.of(over, |it| it.rate)?)
    }

    fn print(&self) {
        for Runs { kind, skipped, .. } in &self.0 {
            if let Some(reason) = skipped {
                say(format_args!("  {:<20} skipped: {reason}", kind.name()));
                continue;
            }
            let of = |field| self.of(*kind, field).unwrap_or(f64::NAN);
            let [p50, p99, rate] = [of(|it| it.p50), of(|it| it.p99), of(|it| it.rate)];
            let [p50_ratio, rate_ratio] =
                [self.p50(*kind, Kind::Floor), self.rate(*kind, Kind::Floor)]
                    .map(|ratio| ratio.unwrap_or(f64::NAN));
            say(format_args!(
                "  {:<20} p50 {p50:>6.0} us ({p50_ratio:>5.2} x floor)  p99 {:>5.1} x p50  \
                 {rate:>6.0}/s ({rate_ratio:>5.2} x floor)",
                kind.name(),
                p99 / p50,
            ));
        }
    }
}
