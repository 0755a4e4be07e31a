//! One `/next`: the runtime's request, the poll that waits, and its answer, which is the event.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::benchmarks::Run;
use crate::benchmarks::samples::{EVENT, function, invocation, tenants};
use crate::benchmarks::wire::Client;
use crate::environment::runtime_api::calls::{CallSender, RuntimeCall};
use crate::environment::runtime_api::next::next as answer;
use crate::environment::runtime_api::routes::RuntimeRoutes;
use crate::lambda::function::LogFormat;
use crate::system::http::Peer;

/// As the runtimes of AWS send it.
const REQUEST: &[u8] = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\
    Host: 127.0.0.1:9001\r\n\
    User-Agent: aws-lambda-rust/1.94.1\r\n\r\n";

/// One `/next`.
pub(crate) fn next() -> Run {
    let function = function(LogFormat::Text);
    let invocation = tenants(1).map(invocation).next().expect("there is one");
    let (calls, mut called) = mpsc::channel(4);
    let routes = RuntimeRoutes::new(&function, CallSender(calls));
    let peer = Peer::default();
    let mut client = Client::connect(move |request| routes.clone().answer(request, peer.clone()));
    let mut next = move |client: &mut Client| {
        client.send(REQUEST);
        let Ok(RuntimeCall::Next(poll)) = called.try_recv() else { panic!("no poll has come") };
        poll.deliver(answer(&function, &invocation, Some(Duration::from_secs(3))));
        client.wait();
        assert!(client.is_answered("HTTP/1.1 200 OK\r\n"), "{}", client.answer());
    };
    next(&mut client);
    let answer = client.answer();
    assert!(answer.contains("lambda-runtime-aws-request-id: "), "{answer}");
    assert!(answer.ends_with(EVENT), "{answer}");
    Box::new(move || next(&mut client))
}
