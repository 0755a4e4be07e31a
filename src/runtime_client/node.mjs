// mtl's runtime client for Node.js: asks the Runtime API for events and answers what the handler
// returns.
//
// The handler (`FILE.FUNCTION`) is the argument. Contexts, error texts, log lines and streaming are
// those of Lambda's managed runtime.

import { existsSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { format } from "node:util";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new Agent({ keepAlive: true, maxSockets: 2 });
const jsonLogs = process.env.AWS_LAMBDA_LOG_FORMAT === "JSON";
const levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const streaming = Symbol("a handler that streams its answer");
const httpIntegration = "application/vnd.awslambda.http-integration-response";

// The invocation that runs now, for the log.
let current = {};

class RuntimeError extends Error {
  constructor(errorType, message) {
    super(message);
    this.errorType = errorType;
  }
}

function call(method, path, headers = {}) {
  return request({ agent, host, port, method, headers, path: `/2018-06-01/runtime/${path}` });
}

function finished(outgoing, body) {
  return new Promise((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => resolve([response, Buffer.concat(chunks)]));
    });
    outgoing.end(body);
  });
}

async function next() {
  const [response, body] = await finished(call("GET", "invocation/next"));
  if (response.statusCode !== 200) {
    process.exit(1);
  }
  return [response.headers, body];
}

async function answer(requestId, body) {
  const headers = { "Content-Type": "application/json" };
  await finished(call("POST", `invocation/${requestId}/response`, headers), body);
}

async function fail(path, document) {
  const headers = {
    "Content-Type": "application/json",
    "Lambda-Runtime-Function-Error-Type": document.errorType,
  };
  await finished(call("POST", path, headers), JSON.stringify(document));
}

// What was thrown, which may be anything.
function errorDocument(error) {
  if (!(error instanceof Error)) {
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  }
  const trace = (error.stack ?? "").split("\n").filter((frame) => !frame.includes(import.meta.url));
  return { errorType: error.errorType ?? error.name, errorMessage: error.message, trace };
}

function write(level, message, parameters) {
  const timestamp = new Date().toISOString();
  const { requestId, tenantId } = current;
  if (!jsonLogs) {
    const text = format(message, ...parameters);
    process.stdout.write(`${timestamp}\t${requestId}\t${level}\t${text}\n`);
    return;
  }
  const wanted = process.env.AWS_LAMBDA_LOG_LEVEL ?? "INFO";
  if (levels.indexOf(level) < levels.indexOf(wanted)) {
    return;
  }
  const line = { timestamp, level, requestId, tenantId };
  const alone = parameters.length === 0;
  if (alone && message instanceof Error) {
    const { errorType, errorMessage, trace } = errorDocument(message);
    line.message = { errorType, errorMessage, stackTrace: trace };
  } else {
    line.message = alone && typeof message === "object" ? message : format(message, ...parameters);
  }
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function setUpConsole() {
  for (const level of levels.slice(0, -1)) {
    console[level.toLowerCase()] = (message, ...parameters) => write(level, message, parameters);
  }
  console.log = console.info;
}

function logError(kind, document) {
  const { errorType, errorMessage, trace } = document;
  const text = JSON.stringify({ errorType, errorMessage, stack: trace });
  write("ERROR", jsonLogs ? { errorType, errorMessage, stackTrace: trace } : `${kind} \t${text}`, []);
}

// The global that Lambda's runtime has for streamed answers.
globalThis.awslambda = {
  streamifyResponse(handler, options) {
    handler[streaming] = options ?? {};
    return handler;
  },
  HttpResponseStream: {
    from(stream, prelude) {
      stream.setContentType(httpIntegration);
      stream.prelude = Buffer.concat([Buffer.from(JSON.stringify(prelude)), Buffer.alloc(8)]);
      return stream;
    },
  },
};

async function load(handler) {
  const slash = handler.lastIndexOf("/") + 1;
  const dot = handler.indexOf(".", slash);
  if (dot < 0) {
    throw new RuntimeError("Runtime.MalformedHandlerName", "Bad handler");
  }
  const [file, name] = [handler.slice(0, dot), handler.slice(dot + 1)];
  const base = join(process.env.LAMBDA_TASK_ROOT ?? process.cwd(), file);
  const path = ["", ".js", ".mjs", ".cjs"].map((end) => base + end).find(existsSync);
  if (path === undefined) {
    throw new RuntimeError("Runtime.ImportModuleError", `Error: Cannot find module '${file}'`);
  }
  let module;
  try {
    module = await import(pathToFileURL(path).href);
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new RuntimeError("Runtime.UserCodeSyntaxError", String(error));
    }
    if (["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"].includes(error?.code)) {
      throw new RuntimeError("Runtime.ImportModuleError", String(error));
    }
    throw error;
  }
  // A CommonJS module is what its import has as default.
  const found = [module, module.default].map((from) => name.split(".").reduce((it, key) => it?.[key], from));
  const exported = found.find((it) => it !== undefined);
  if (exported === undefined) {
    throw new RuntimeError("Runtime.HandlerNotFound", `${handler} is undefined or not exported`);
  }
  if (typeof exported !== "function") {
    throw new RuntimeError("Runtime.HandlerNotFound", `${handler} is not a function`);
  }
  return exported;
}

function contextOf(headers) {
  const { env } = process;
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const json = (text) => (text ? JSON.parse(text) : undefined);
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: json(headers["lambda-runtime-client-context"]),
    identity: json(headers["lambda-runtime-cognito-identity"]),
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    tenantId: headers["lambda-runtime-aws-tenant-id"],
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

// The event loop has nothing left to do.
function idle() {
  return new Promise((resolve) => process.once("beforeExit", () => resolve()));
}

// What a handler comes to: a promise, a call of its callback, or nothing once all is done.
async function result(handler, event, context) {
  let called;
  const callback = new Promise((resolve, reject) => {
    called = (error, value) => (error === undefined || error === null ? resolve(value) : reject(error));
  });
  context.done = called;
  context.succeed = (value) => called(null, value);
  context.fail = (error) => called(error ?? new Error("failed"));
  const returned = handler(event, context, called);
  if (typeof returned?.then === "function") {
    return returned;
  }
  const value = await Promise.race([callback, idle()]);
  if (context.callbackWaitsForEmptyEventLoop) {
    await Promise.race([idle(), new Promise((resolve) => setImmediate(resolve))]);
  }
  return value;
}

function serialize(value) {
  try {
    return JSON.stringify(value === undefined ? null : value) ?? "null";
  } catch {
    throw new Error("Unable to stringify response body");
  }
}

// The stream to which a handler writes; the request begins with the first bytes.
class ResponseStream extends Writable {
  contentType = "application/octet-stream";

  constructor(requestId) {
    super();
    this.path = `invocation/${requestId}/response`;
  }

  setContentType(contentType) {
    this.contentType = contentType;
  }

  open() {
    if (this.outgoing === undefined) {
      this.outgoing = call("POST", this.path, {
        "Content-Type": this.contentType,
        "Lambda-Runtime-Function-Response-Mode": "streaming",
        "Transfer-Encoding": "chunked",
        Trailer: "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
      });
      this.sent = new Promise((resolve) => {
        this.outgoing.on("response", (response) => response.resume().on("end", resolve));
        this.outgoing.on("error", resolve);
      });
      if (this.prelude !== undefined) {
        this.outgoing.write(this.prelude);
      }
    }
    return this.outgoing;
  }

  _write(chunk, encoding, written) {
    this.open().write(chunk, encoding, () => written());
  }

  _final(ended) {
    this.open().end(() => ended());
  }

  async fail(document) {
    const body = Buffer.from(JSON.stringify(document)).toString("base64");
    this.open().addTrailers({
      "Lambda-Runtime-Function-Error-Type": document.errorType,
      "Lambda-Runtime-Function-Error-Body": body,
    });
    this.outgoing.end();
    await this.sent;
  }
}

async function stream(handler, event, context) {
  const response = new ResponseStream(context.awsRequestId);
  try {
    await handler(event, response, context);
    if (!response.writableEnded) {
      response.end();
    }
    await new Promise((resolve) => (response.writableFinished ? resolve() : response.once("finish", resolve)));
    await response.sent;
  } catch (error) {
    const document = errorDocument(error);
    logError("Invoke Error", document);
    if (response.outgoing === undefined) {
      await fail(`invocation/${context.awsRequestId}/error`, document);
    } else {
      await response.fail(document);
    }
  }
}

async function invoke(handler, headers, body) {
  const context = contextOf(headers);
  try {
    const event = JSON.parse(body);
    if (handler[streaming] !== undefined) {
      await stream(handler, event, context);
      return;
    }
    const value = serialize(await result(handler, event, context));
    await answer(context.awsRequestId, value);
  } catch (error) {
    const document = errorDocument(error);
    logError("Invoke Error", document);
    await fail(`invocation/${context.awsRequestId}/error`, document);
  }
}

// What nobody catches ends the process; the invocation that runs is told why.
function endOn(event, errorType, status) {
  process.on(event, async (reason) => {
    const document = errorDocument(reason);
    const told = errorType === undefined ? document : { ...document, errorType, errorMessage: String(reason) };
    logError(event === "uncaughtException" ? "Uncaught Exception" : "Unhandled Promise Rejection", told);
    if (current.requestId !== undefined) {
      await fail(`invocation/${current.requestId}/error`, told);
    }
    process.exit(status);
  });
}

async function main() {
  setUpConsole();
  endOn("uncaughtException", undefined, 129);
  endOn("unhandledRejection", "Runtime.UnhandledPromiseRejection", 128);
  let handler;
  try {
    handler = await load(process.argv[2]);
  } catch (error) {
    const document = errorDocument(error);
    logError("Uncaught Exception", document);
    await fail("init/error", document);
    process.exit(1);
  }
  for (;;) {
    const [headers, body] = await next();
    current = {
      requestId: headers["lambda-runtime-aws-request-id"],
      tenantId: headers["lambda-runtime-aws-tenant-id"],
    };
    process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"] ?? "";
    await invoke(handler, headers, body);
  }
}

await main();
