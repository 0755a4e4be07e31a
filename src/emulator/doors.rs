//! The ports that callers know: binding them, and serving what is behind each until a stop.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::emulator::config::{Api, BindAddress, Port};
use crate::emulator::error::{Door, StartError};
use crate::endpoints::api_gateway::ApiGateway;
use crate::endpoints::api_gateway::api::RestApi;
use crate::endpoints::front_door::FrontDoor;
use crate::system::http::{ServeSettings, serve};

/// How long a client may take to send the head of a request, or be idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// The request line and all headers: 1 MB.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const HEAD_BYTES: usize = 1024 * 1024;

const LAMBDA_API: ServeSettings = ServeSettings {
    header_timeout: Some(HEADER_TIMEOUT),
    max_head_bytes: HEAD_BYTES,
    max_headers: None,
    half_close: true,
};

/// Browsers and proxies send more headers than SDKs do.
const REST_API: ServeSettings = ServeSettings { max_headers: Some(256), ..LAMBDA_API };

/// How long the last replies have at the least, also when the grace period is over.
const LAST_REPLIES: Duration = Duration::from_millis(200);

/// The ports that are taken, and not served yet.
#[derive(Debug)]
pub(crate) struct BoundDoors {
    /// The port of the Lambda API.
    pub(crate) lambda: BoundPort,
    /// The APIs in front of the functions, each with its port.
    pub(crate) apis: Vec<(RestApi, BoundPort)>,
}

/// A port that is taken.
#[derive(Debug)]
pub(crate) struct BoundPort {
    listener: TcpListener,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

/// Takes the ports.
///
/// # Errors
///
/// When one of them is taken by another program, or the address is invalid.
pub(crate) async fn bind(address: &BindAddress, apis: Vec<Api>) -> Result<BoundDoors, StartError> {
    let host = &address.host;
    let lambda = bind_port(host, address.port).await;
    let lambda = lambda.map_err(|failed| failed.error(Door::Lambda))?;
    let mut bound = Vec::new();
    for Api { port, api } in apis {
        let port = bind_port(host, port).await.map_err(|failed| failed.error(Door::RestApi))?;
        bound.push((api, port));
    }
    Ok(BoundDoors { lambda, apis: bound })
}

/// An address that can't be listened on.
struct Unbound {
    address: String,
    source: io::Error,
}

impl Unbound {
    fn error(self, door: Door) -> StartError {
        StartError::Listen { door, address: self.address, source: self.source }
    }
}

async fn bind_port(host: &str, port: Port) -> Result<BoundPort, Unbound> {
    match port {
        Port::Asked(port) => bind_number(host, port).await,
        Port::Preferred(port) => match bind_number(host, port).await {
            Err(Unbound { source, .. }) if source.kind() == io::ErrorKind::AddrInUse => {
                bind_number(host, 0).await
            }
            result => result,
        },
    }
}

async fn bind_number(host: &str, port: u16) -> Result<BoundPort, Unbound> {
    let unbound = |source| Unbound { address: format!("{host}:{port}"), source };
    let listener = TcpListener::bind((host, port)).await.map_err(unbound)?;
    let address = listener.local_addr().map_err(unbound)?;
    Ok(BoundPort { listener, address })
}

/// The ports while they are served.
#[derive(Debug)]
pub(crate) struct OpenDoors {
    address: SocketAddr,
    /// Where each API listens, by its name.
    apis: Vec<(String, SocketAddr)>,
    serving: JoinHandle<()>,
    stop: CancellationToken,
}

impl OpenDoors {
    /// Lets callers in. `gateway` makes what is behind the port of an API.
    #[must_use]
    pub(crate) fn open(
        bound: BoundDoors,
        door: FrontDoor,
        gateway: impl Fn(RestApi) -> ApiGateway,
    ) -> Self {
        let stop = CancellationToken::new();
        let address = bound.lambda.address;
        let mut serving = JoinSet::new();
        let mut apis = Vec::new();
        for (api, port) in bound.apis {
            apis.push((api.name.clone(), port.address));
            let gateway = gateway(api);
            let answer = move |request, peer| gateway.clone().answer(request, peer);
            serving.spawn(serve(port.listener, REST_API, stop.clone(), answer));
        }
        let answer = move |request, _| door.clone().answer(request);
        serving.spawn(serve(bound.lambda.listener, LAMBDA_API, stop.clone(), answer));
        let serving = tokio::spawn(async move {
            serving.join_all().await;
        });
        Self { address, apis, serving, stop }
    }

    /// Where the Lambda API listens.
    #[must_use]
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the other APIs listen, by their names and in their order.
    #[must_use]
    pub(crate) fn apis(&self) -> &[(String, SocketAddr)] {
        &self.apis
    }

    /// Lets nobody in any more. Who is inside may finish.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until everybody has their answer. The replies to the last invocations are on their way
    /// out, but a caller that neither sends nor reads must not keep mtl from ending.
    pub(crate) async fn close(mut self, end_of_grace: Instant, kill: &CancellationToken) {
        let patience = Instant::now() + LAST_REPLIES;
        tokio::select! {
            _ = &mut self.serving => return,
            () = tokio::time::sleep_until(end_of_grace.max(patience).into()) => {}
            () = async {
                kill.cancelled().await;
                tokio::time::sleep_until(patience.into()).await;
            } => {}
        }
        self.serving.abort();
    }
}

/// The URL of an address; one that means every interface is reached through loopback.
#[must_use]
pub(crate) fn endpoint(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        match address {
            SocketAddr::V4(_) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            SocketAddr::V6(_) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        }
    }
    format!("http://{address}")
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::{bind_number, bind_port, endpoint};
    use crate::emulator::config::Port;

    #[tokio::test]
    async fn only_a_port_that_was_asked_for_has_to_be_free() {
        let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let taken = other.local_addr().unwrap().port();
        let unbound = bind_port("127.0.0.1", Port::Asked(taken)).await.map(|port| port.address);
        let unbound = unbound.err().unwrap();
        assert_eq!(unbound.address, format!("127.0.0.1:{taken}"));
        assert_eq!(unbound.source.kind(), std::io::ErrorKind::AddrInUse);
        let free = bind_port("127.0.0.1", Port::Preferred(taken)).await;
        assert_ne!(free.map(|port| port.address.port()).ok(), Some(taken));
        assert!(bind_number("no host at all", 0).await.is_err());
    }

    #[test]
    fn every_interface_is_reached_through_loopback() {
        assert_eq!(endpoint("0.0.0.0:1".parse().unwrap()), "http://127.0.0.1:1");
        assert_eq!(endpoint("[::]:1".parse().unwrap()), "http://[::1]:1");
        assert_eq!(endpoint("10.0.0.1:1".parse().unwrap()), "http://10.0.0.1:1");
    }
}
