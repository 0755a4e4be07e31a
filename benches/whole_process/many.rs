//! One call for each of many tenants.

use std::net::SocketAddr;
use std::ops::Range;
use std::thread;

use crate::http::Connection;

/// Connections that call at once: some more than there are processors to start functions on.
const CONNECTIONS: usize = 8;

/// Calls the small function once for each tenant, and checks each answer.
pub(crate) fn call_each(address: SocketAddr, tenants: Range<usize>) -> Result<(), String> {
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CONNECTIONS)
            .map(|first| {
                let tenants = tenants.clone().skip(first).step_by(CONNECTIONS);
                scope.spawn(move || call(address, tenants))
            })
            .collect();
        callers.into_iter().try_for_each(|caller| {
            caller.join().map_err(|_| "a caller panicked".to_owned()).flatten()
        })
    })
}

fn call(address: SocketAddr, tenants: impl Iterator<Item = usize>) -> Result<(), String> {
    let mut connection = Connection::open(address)?;
    for number in tenants {
        let event = format!("{{\"number\":{number}}}").into_bytes();
        let answer = connection.invoke(&format!("tenant-{number}"), &event)?;
        if answer != event {
            return Err(format!("tenant-{number} was answered with something else"));
        }
    }
    Ok(())
}
