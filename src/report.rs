//! The figures of tenants, what they cost, and how both are shown. Figures come through `client`, from a
//! local server and from AWS in the same way. Nothing is printed here.

pub(crate) mod prices;
pub(crate) mod tenant_report;

pub(crate) mod render;
