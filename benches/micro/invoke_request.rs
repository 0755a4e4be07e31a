//! An Invoke request as `wrk` or an AWS SDK sends it, read and checked. It asks for a dry run, which
//! passes all checks that an invocation passes, and runs nothing.

use ::http::StatusCode;
use tokio::runtime;

use crate::benchmarks::Run;
use crate::benchmarks::wire::Client;
use crate::emulator::{Function, RunningEmulator};
use crate::endpoints::invoke_api::InvokeApi;
use crate::system::http::{self, empty};

const REQUEST: &[u8] = b"POST /2015-03-31/functions/orders/invocations HTTP/1.1\r\n\
    Host: 127.0.0.1:9000\r\n\
    User-Agent: aws-sdk-rust/1.3.9 os/linux lang/rust/1.94.1\r\n\
    Content-Type: application/json\r\n\
    X-Amz-Tenant-Id: customer-00001\r\n\
    X-Amz-Invocation-Type: DryRun\r\n\
    X-Amz-Date: 20260105T102030Z\r\n\
    Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260105/eu-west-1/lambda/\
    aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-tenant-id, Signature=\
    fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024\r\n\
    Content-Length: 84\r\n\r\n\
    {\"order\":\"4f1c7a\",\"customer\":\"alice@example.com\",\"items\":[{\"sku\":\"A-17\",\"count\":2}]}";

const ANSWER: &str = "HTTP/1.1 204 No Content\r\n";

/// The same request over the same connection, whose body is read and which is answered as shortly.
pub(crate) fn without_mtl() -> Run {
    exchange(Client::connect(async |request| {
        http::discard(request.into_body(), u64::MAX).await;
        empty(StatusCode::NO_CONTENT)
    }))
}

/// The Invoke API's part of it.
pub(crate) fn parse() -> Run {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("there is a file descriptor left");
    let function = Function::command(["true"]).function_name("orders");
    let config = function.into_config().expect("this is a valid function");
    let emulator = runtime.block_on(RunningEmulator::start(config));
    let emulator = emulator.unwrap_or_else(|error| panic!("failed to start: {error}"));
    let api = InvokeApi { functions: emulator.functions().clone() };
    let mut client =
        Client::connect(move |request| api.clone().invoke("orders".to_owned(), request));
    client.send(REQUEST);
    assert!(client.answer().contains("x-amzn-requestid"), "{}", client.answer());
    let mut exchange = exchange(client);
    Box::new(move || {
        // It lives as long as what is measured.
        let _alive = (&runtime, &emulator);
        exchange();
    })
}

fn exchange(mut client: Client) -> Run {
    client.send(REQUEST);
    assert!(client.is_answered(ANSWER), "{}", client.answer());
    Box::new(move || {
        client.send(REQUEST);
        assert!(client.is_answered(ANSWER));
    })
}
