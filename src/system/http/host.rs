//! Which host names a request may call this machine by. A page of another site can make a browser call
//! here under its own name for this address; it can't forge the name that it still calls.

use std::net::IpAddr;

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderValue, Request};

/// Checks that every host name in a request means this machine, or is one that the user allows.
///
/// # Errors
///
/// With the reason, as a sentence.
pub(crate) fn check<B>(request: &Request<B>, allowed: &[String]) -> Result<(), String> {
    let named = request.headers().get_all(HOST).iter();
    let named = named.map(HeaderValue::to_str).map(Result::unwrap_or_default);
    let mut hosts = named.chain(request.uri().authority().map(Authority::as_str)).peekable();
    if hosts.peek().is_none() {
        return Err("mtl does not answer requests without a Host header.".to_owned());
    }
    match hosts.find(|host| !is_allowed(host, allowed)) {
        None => Ok(()),
        Some(host) => Err(format!(
            "mtl does not answer to the host name `{host}`. Start it with --allow-host NAME to \
             allow it."
        )),
    }
}

fn is_allowed(host: &str, allowed: &[String]) -> bool {
    let without_port = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    if without_port.parse::<IpAddr>().is_ok() {
        return true;
    }
    let name = without_port.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(&name))
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn only_addresses_and_names_of_this_machine_may_be_called() {
        let allowed = ["host.docker.internal".to_owned()];
        for host in [
            "127.0.0.1:7000",
            "[::1]:7000",
            "192.168.1.2",
            "localhost",
            "LOCALHOST:7000",
            "app.localhost:80",
            "host.docker.internal:7000",
        ] {
            assert!(is_allowed(host, &allowed), "{host}");
        }
        for host in
            ["", "evil.example", "evil.example:7000", "localhost.evil.example", "127.0.0.1.x"]
        {
            assert!(!is_allowed(host, &allowed), "{host}");
        }
    }
}
