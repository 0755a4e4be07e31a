//! `--template`, or the template of this folder: its functions, each with what runs it. Those that nothing can
//! run are named with the reason, and the others are served.

mod program;

mod functions;
