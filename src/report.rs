//! The figures of tenants, what they cost, and how both are shown. This folder must not know where
//! the figures come from, nor where the text goes.

pub(crate) mod prices;
pub(crate) mod tenant_report;

pub(crate) mod render;
