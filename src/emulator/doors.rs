//! The ports that callers know: binding them, and serving what is behind each until a stop. Knows no
//! functions.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::emulator::StartError;
use crate::emulator::config::Port;
use crate::endpoints::api_gateway::ApiGateway;
use crate::endpoints::front_door::FrontDoor;
use crate::system::http::{ServeSettings, serve};

/// How long a client may take to send the head of a request, or be idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// The request line and all headers: 1 MB.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const HEAD_BYTES: usize = 1024 * 1024;

/// Lets callers in until `stop`.
pub(crate) fn open(
    (listener, door): (TcpListener, FrontDoor),
    apis: Vec<(TcpListener, ApiGateway)>,
    stop: CancellationToken,
) -> JoinHandle<()> {
    let settings = ServeSettings {
        header_timeout: Some(HEADER_TIMEOUT),
        max_head_bytes: HEAD_BYTES,
        half_close: true,
    };
    let mut doors = JoinSet::new();
    for (listener, gateway) in apis {
        let answer = move |request| gateway.clone().answer(request);
        doors.spawn(serve(listener, settings, stop.clone(), answer));
    }
    doors.spawn(serve(listener, settings, stop, move |request| door.clone().answer(request)));
    tokio::spawn(async move {
        doors.join_all().await;
    })
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

/// Listens on a port of a host.
///
/// # Errors
///
/// When the address is taken or invalid.
pub(crate) async fn listen(
    host: &str,
    port: Port,
    of_api: bool,
) -> Result<TcpListener, StartError> {
    let bind = async |port: u16| {
        TcpListener::bind((host, port)).await.map_err(|source| StartError::Listen {
            of_api,
            address: format!("{host}:{port}"),
            source,
        })
    };
    match port {
        Port::Asked(port) => bind(port).await,
        Port::Preferred(port) => match bind(port).await {
            Err(StartError::Listen { source, .. }) if source.kind() == io::ErrorKind::AddrInUse => {
                bind(0).await
            }
            result => result,
        },
    }
}
