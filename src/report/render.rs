//! Texts for people and programs: tables, sparklines, plots, CSV and JSON, made of data alone. Nothing is
//! asked for or printed here.

mod number;
mod plot;
mod sparkline;
mod table;

pub(crate) mod tenant_data;
pub(crate) mod tenant_text;

pub(crate) mod custom;

pub(crate) mod cost;

pub(crate) mod load;
