//! Texts for people and programs: tables, sparklines, plots, CSV and JSON, made of data alone. Knows
//! neither where the data is from nor where the text goes.

pub mod number;
pub mod plot;
pub mod sparkline;
pub mod table;

pub mod tenant_data;
pub mod tenant_text;

pub mod custom;

pub mod cost;

pub mod load;
