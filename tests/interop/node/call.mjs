// Makes calls through the AWS SDK for JavaScript.
//
// The endpoint is the argument. Each line of stdin is one call as JSON: its "service" ("lambda" unless
// given), its "command" or "waiter" with its "input", where times are numbers, and "maxAttempts" (1
// unless given). Each line of stdout is what came of it: the members of the response or the
// exception, and how many requests the SDK sent for it.

import { createInterface } from "node:readline";

import * as cloudwatch from "@aws-sdk/client-cloudwatch";
import * as lambda from "@aws-sdk/client-lambda";

const services = {
  cloudwatch: [cloudwatch, cloudwatch.CloudWatchClient, cloudwatch.CloudWatchServiceException],
  lambda: [lambda, lambda.LambdaClient, lambda.LambdaServiceException],
};

const [endpoint] = process.argv.slice(2);

function text(bytes) {
  return Buffer.from(bytes).toString();
}

// JSON has no times, and the SDK takes nothing else for them.
function withTimes(input) {
  const times = ["StartTime", "EndTime"].filter((name) => name in input);
  return { ...input, ...Object.fromEntries(times.map((name) => [name, new Date(input[name])])) };
}

async function send(sdk, client, { command, waiter, input }) {
  if (waiter) {
    const { state } = await sdk[waiter]({ client, maxWaitTime: 30 }, input);
    return { state };
  }
  const { $metadata, ...members } = await client.send(new sdk[command](withTimes(input)));
  if (members.Payload) {
    members.Payload = JSON.parse(text(members.Payload));
  }
  return { ...members, RequestId: $metadata.requestId };
}

// An exception has a class of its own when its type is one of the service model.
function exception([sdk, , ServiceException], error) {
  const type = sdk[error.name];
  return {
    exception: error.name,
    instance: type !== undefined && error instanceof type,
    service: error instanceof ServiceException,
    message: error.message,
    status: error.$metadata?.httpStatusCode,
    reason: error.Reason,
    retryAfterSeconds: error.retryAfterSeconds,
  };
}

async function outcome(call) {
  const service = services[call.service ?? "lambda"];
  const [sdk, Client] = service;
  const client = new Client({
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
  const came = await send(sdk, client, call).catch((error) => exception(service, error));
  return { ...came, requests };
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await outcome(JSON.parse(line))));
}
