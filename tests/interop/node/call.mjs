// Makes calls through the AWS SDK for JavaScript.
//
// The endpoint is the argument. Each line of stdin is one call as JSON: its "command" or "waiter" with
// its "input", and "maxAttempts" (1 unless given). Each line of stdout is what came of it: the members
// of the response or the exception, and how many requests the SDK sent for it.

import { createInterface } from "node:readline";

import * as sdk from "@aws-sdk/client-lambda";

const [endpoint] = process.argv.slice(2);

function text(bytes) {
  return Buffer.from(bytes).toString();
}

async function send(client, { command, waiter, input }) {
  if (waiter) {
    const { state } = await sdk[waiter]({ client, maxWaitTime: 30 }, input);
    return { state };
  }
  const { $metadata, ...members } = await client.send(new sdk[command](input));
  if (members.Payload) {
    members.Payload = JSON.parse(text(members.Payload));
  }
  return { ...members, RequestId: $metadata.requestId };
}

// An exception has a class of its own when its type is one of the service model.
function exception(error) {
  const type = sdk[error.name];
  return {
    exception: error.name,
    instance: type !== undefined && error instanceof type,
    service: error instanceof sdk.LambdaServiceException,
    message: error.message,
    status: error.$metadata?.httpStatusCode,
    reason: error.Reason,
    retryAfterSeconds: error.retryAfterSeconds,
  };
}

async function outcome(call) {
  const client = new sdk.LambdaClient({
    endpoint,
    region: "us-east-1",
    maxAttempts: call.maxAttempts ?? 1,
  });
  let requests = 0;
  // This step is inside of the one that retries.
  const count = (next) => (request) => {
    requests += 1;
    return next(request);
  };
  client.middlewareStack.add(count, { step: "deserialize" });
  const came = await send(client, call).catch(exception);
  return { ...came, requests };
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await outcome(JSON.parse(line))));
}
