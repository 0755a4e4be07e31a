//! Interoperability tests: mtl with the real runtimes, clients and servers of others.
//!
//! They are behind the Cargo feature `interop`, since they install what they need from PyPI and npm
//! (into the target folder, once). What can't be installed fails with a message that says what is missing.

mod aws_cli;
mod awslambdaric;
mod boto3;
mod cloudwatch;
mod emulators;
mod handlers;
mod mtl;
mod node;
mod provision;
mod remote;
mod running;
mod shell;
