//! The figures of the rows, each with its goal, and the table of all.

use std::fmt::Display;
use std::io::{Write as _, stdout};

/// Prints a line. Nobody reads on if stdout is closed.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(stdout(), "{line}");
}

/// What a figure has to reach.
#[derive(Clone, Copy, Debug)]
enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Figure {
    what: String,
    unit: &'static str,
    value: Result<f64, String>,
    /// The same of the earlier `mtl`.
    before: Option<f64>,
    goal: Option<Goal>,
}

impl Figure {
    /// A figure without a goal yet.
    pub(crate) fn new(what: impl Into<String>, value: f64) -> Self {
        Self::measured(what, Ok(value))
    }

    /// A figure, or why there is none.
    pub(crate) fn measured(what: impl Into<String>, value: Result<f64, String>) -> Self {
        Self { what: what.into(), unit: "", value, before: None, goal: None }
    }

    /// The same of the earlier `mtl`.
    pub(crate) fn before(self, before: Option<f64>) -> Self {
        Self { before, ..self }
    }

    /// What it is counted in; nothing for a ratio.
    pub(crate) fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    /// The goal is this or less.
    pub(crate) fn at_most(self, goal: f64) -> Self {
        Self { goal: Some(Goal::AtMost(goal)), ..self }
    }

    /// The goal is this or more.
    pub(crate) fn at_least(self, goal: f64) -> Self {
        Self { goal: Some(Goal::AtLeast(goal)), ..self }
    }

    fn cells(&self) -> [String; 5] {
        let shown = |value: f64| format!("{}{}", digits(value), self.unit);
        let goal = match self.goal {
            None => String::new(),
            Some(Goal::AtMost(goal)) => format!("≤ {}", shown(goal)),
            Some(Goal::AtLeast(goal)) => format!("≥ {}", shown(goal)),
        };
        let met = match (&self.value, self.goal) {
            (Err(_), _) => "skipped",
            (Ok(_), None) => "",
            (Ok(value), Some(Goal::AtMost(goal))) if *value <= goal => "yes",
            (Ok(value), Some(Goal::AtLeast(goal))) if *value >= goal => "yes",
            (Ok(_), Some(_)) => "NO",
        };
        let value = self.value.as_ref().map_or_else(|reason| first_words(reason), |it| shown(*it));
        let before = self.before.map(shown).unwrap_or_default();
        [self.what.clone(), before, value, goal, met.to_owned()]
    }
}

/// As much of a reason as fits a table; each was printed whole before.
fn first_words(reason: &str) -> String {
    reason.lines().next().unwrap_or_default().chars().take(60).collect()
}

/// Three digits that matter.
fn digits(value: f64) -> String {
    match value.abs() {
        size if size == 0.0 || size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.095 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

/// Prints why figures are missing.
pub(crate) fn print_reasons(figures: &[Figure]) {
    for figure in figures {
        if let Err(reason) = &figure.value {
            say(format_args!("  {}: {reason}", figure.what));
        }
    }
}

/// Prints figures as a table of Markdown.
pub(crate) fn print(figures: &[Figure]) {
    let title = ["figure", "before", "now", "goal", "met"].map(str::to_owned);
    let mut lines = vec![title];
    lines.extend(figures.iter().map(Figure::cells));
    let mut widths = [0; 5];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for (index, line) in lines.iter().enumerate() {
        let cells: Vec<String> =
            line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        say(format_args!("| {} |", cells.join(" | ")));
        if index == 0 {
            say(format_args!("|{}|", widths.map(|width| "-".repeat(width + 2)).join("|")));
        }
    }
}
