//! Log lines as a terminal shows them: each with its tenant and environment in front, and with
//! nothing in it that the terminal would obey.

use std::io::Write as _;

use anstyle::{AnsiColor, Style};

use crate::lambda::function::TenantId;
use crate::system::text::tabbed_line;
use crate::telemetry::logs::source::LogSource;

/// How many characters of a tenant id are shown.
const SHOWN_TENANT: usize = 24;

/// How many characters of an environment's id are shown.
const SHOWN_ENVIRONMENT: usize = 6;

/// Who wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Author {
    /// The function, or an extension.
    Function,
    /// Lambda itself.
    Platform,
}

/// How the lines of one environment are shown.
#[derive(Debug)]
pub(crate) struct TerminalFormat {
    prefix: String,
    /// The style of the prefix.
    tenant: Style,
    /// The style of the platform's lines.
    platform: Style,
}

impl TerminalFormat {
    /// Shows everything in the terminal's own color.
    #[must_use]
    pub(crate) fn plain(source: &LogSource) -> Self {
        Self { prefix: prefix(source), tenant: Style::new(), platform: Style::new() }
    }

    /// Tells tenants apart by color, and the platform from the function.
    #[must_use]
    pub(crate) fn colored(source: &LogSource) -> Self {
        let color = color_of(source.tenant_id.as_ref()).into();
        Self {
            prefix: prefix(source),
            tenant: Style::new().fg_color(Some(color)),
            platform: Style::new().dimmed(),
        }
    }

    /// Adds a line or lines to what is shown, complete with their ends.
    pub(crate) fn write(&self, shown: &mut Vec<u8>, lines: &[u8], author: Author) {
        let Self { prefix, tenant, .. } = self;
        let style = match author {
            Author::Function => Style::new(),
            Author::Platform => self.platform,
        };
        for line in String::from_utf8_lossy(lines).split('\n') {
            let line = tabbed_line(line);
            // Writing to memory can't fail.
            let _ = writeln!(shown, "{tenant}{prefix}{tenant:#} {style}{line}{style:#}");
        }
    }
}

fn prefix(source: &LogSource) -> String {
    let environment = &source.environment_id.simple().to_string()[..SHOWN_ENVIRONMENT];
    match source.tenant() {
        // A tenant id is ASCII, so any index is the boundary of a character.
        Some(id) if id.len() > SHOWN_TENANT => {
            format!("{}… {environment} |", &id[..SHOWN_TENANT])
        }
        Some(id) => format!("{id} {environment} |"),
        None => format!("{environment} |"),
    }
}

/// The same color for all environments of a tenant. Nothing depends on it.
fn color_of(tenant_id: Option<&TenantId>) -> AnsiColor {
    const COLORS: [AnsiColor; 6] = [
        AnsiColor::Cyan,
        AnsiColor::Green,
        AnsiColor::Magenta,
        AnsiColor::Yellow,
        AnsiColor::Blue,
        AnsiColor::BrightCyan,
    ];
    let sum: usize = tenant_id.map_or(0, |id| id.as_str().bytes().map(usize::from).sum());
    COLORS[sum % COLORS.len()]
}
