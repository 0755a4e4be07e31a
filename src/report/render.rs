//! Texts for people and programs: tables, sparklines, plots, CSV and JSON, made of data alone. Knows
//! neither where the data is from nor where the text goes.

mod number;
mod plot;
mod sparkline;
mod table;

pub(crate) mod tenant_data;
pub(crate) mod tenant_text;

pub(crate) mod custom;

pub(crate) mod cost;

pub(crate) mod load;
