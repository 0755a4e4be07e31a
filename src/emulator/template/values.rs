//! What the values of a template come to: parameters, mappings, conditions, and intrinsic functions as
//! far as they can be known without AWS.
//!
//! A new intrinsic function is a function of a [`Call`](evaluation::Call) in `texts`, `lookups` or
//! `conditions`, and a row in `resolve`.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html>

mod known_values;
mod unknown_value;

// How nodes are evaluated, whatever intrinsic functions there are.
mod evaluation;

// The intrinsic functions.
mod conditions;
mod lookups;
mod texts;

mod resolve;

pub(crate) use known_values::KnownValues;
pub(crate) use resolve::Values;
