// mtl's runtime client for Node.js: asks the Runtime API for events and answers what the handler
// returns.
//
// The handler (`FILE.FUNCTION`) is the argument. Contexts, error texts, log lines and streaming are
// those of Lambda's managed runtime.

import { existsSync, readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { format, types } from "node:util";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new Agent({ keepAlive: true, maxSockets: 2 });
const jsonLogs = process.env.AWS_LAMBDA_LOG_FORMAT === "JSON";
const levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
// What wraps handlers knows these two.
const streaming = Symbol.for("aws.lambda.runtime.handler.streaming");
const highWaterMark = Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark");
const httpIntegration = "application/vnd.awslambda.http-integration-response";

// The invocation that runs now, for the log.
let current = {};

// What runs once the event loop has nothing left to do; nothing runs twice.
let whenIdle;

class RuntimeError extends Error {
  constructor(errorType, message, cause) {
    super(message);
    Object.defineProperty(this, "name", { value: errorType });
    // The trace of a syntax error says where it is.
    this.stack = cause?.stack ?? this.stack.replace(/^Error/, errorType);
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
  const headers = { "Content-Type": "application/json", ...errorTypeHeader(document) };
  await finished(call("POST", path, headers), JSON.stringify(document));
}

// A header has bytes: those of UTF-8, without the few that no header may have.
function errorTypeHeader({ errorType }) {
  if (errorType === undefined) {
    return {};
  }
  const value = Buffer.from(errorType).toString("latin1").replace(/[^\x20-\x7e\x80-\xff]/g, "?");
  return { "Lambda-Runtime-Function-Error-Type": value };
}

// An error of another realm is none of `Error`.
function isError(value) {
  const isText = (member) => typeof value?.[member] === "string" && value[member] !== "";
  return types.isNativeError(value) || ["name", "message", "stack"].every(isText);
}

// What was thrown, which may be anything.
function errorDocument(error) {
  try {
    if (!isError(error)) {
      return { errorType: typeof error, errorMessage: String(error), trace: [] };
    }
    const trace = error.stack.split("\n").filter((frame) => !frame.includes(import.meta.url));
    const { name, message } = error;
    return { errorType: name === undefined ? undefined : String(name), errorMessage: message, trace };
  } catch {
    const errorMessage =
      "callback called with Error argument, but there was a problem while retrieving one or more of its " +
      "message, name, and stack";
    return { errorType: "handled", errorMessage };
  }
}

// An error in a line of the JSON format.
function described(key, value) {
  if (!(value instanceof Error)) {
    return value;
  }
  const { stack, message, constructor } = value;
  const stackTrace = typeof stack === "string" ? stack.split("\n") : stack;
  const name = value instanceof RuntimeError ? value.name.replace("Runtime.", "") : constructor?.name;
  return { errorType: name ?? "UnknownError", errorMessage: message, stackTrace, ...value };
}

function jsonLine(line, parameters) {
  if (parameters.length === 1) {
    try {
      return JSON.stringify({ ...line, message: parameters[0] }, described);
    } catch {
      return JSON.stringify({ ...line, message: format(parameters[0]) });
    }
  }
  const error = parameters.find((parameter) => parameter instanceof Error);
  const { errorType, errorMessage, stackTrace } = error === undefined ? {} : described("", error);
  return JSON.stringify({ ...line, message: format(...parameters), errorType, errorMessage, stackTrace });
}

function write(level, parameters) {
  const timestamp = new Date().toISOString();
  const { requestId, tenantId } = current;
  // One event of the log has one line.
  const line = jsonLogs
    ? jsonLine({ timestamp, level, requestId, tenantId }, parameters)
    : `${timestamp}\t${requestId}\t${level}\t${format(...parameters)}`.replaceAll("\n", "\r");
  process.stdout.write(`${line}\n`);
}

function setUpConsole() {
  const least = levels.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase());
  levels.forEach((level, index) => {
    const isWanted = index >= least || level === "FATAL";
    console[level.toLowerCase()] = (first, ...more) => isWanted && write(level, [first, ...more]);
  });
  console.log = console.info;
}

function logError(kind, thrown) {
  const error = intoError(thrown);
  write("ERROR", jsonLogs ? [error] : [`${kind} \t${errorText(error)}`]);
}

function intoError(thrown) {
  try {
    return thrown instanceof Error ? thrown : new Error(thrown);
  } catch {
    // Not everything has a text.
    return new Error(format(thrown));
  }
}

function errorText(error) {
  try {
    return JSON.stringify(error, withProperties);
  } catch {
    return JSON.stringify(errorDocument(error));
  }
}

// What else an error has says more, such as the code of one of the system's.
function withProperties(key, value) {
  if (!(value instanceof Error)) {
    return value;
  }
  const { name, message, code, stack } = value;
  const lines = typeof stack === "string" ? { stack: stack.split("\n") } : {};
  return { errorType: name, errorMessage: message, code, ...value, ...lines };
}

// The global that Lambda's runtime has for streamed answers.
globalThis.awslambda = {
  streamifyResponse(handler, options) {
    handler[streaming] = "response";
    if (typeof options?.highWaterMark === "number") {
      handler[highWaterMark] = Math.trunc(options.highWaterMark);
    }
    return handler;
  },
  HttpResponseStream: {
    from(stream, prelude) {
      stream.setContentType(httpIntegration);
      stream._onBeforeFirstWrite = (write) => {
        write(JSON.stringify(prelude));
        write(Buffer.alloc(8));
      };
      return stream;
    },
  },
};

async function load(handler) {
  if (handler.includes("..")) {
    throw new RuntimeError(
      "Runtime.MalformedHandlerName",
      `'${handler}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    );
  }
  const slash = handler.lastIndexOf("/") + 1;
  const dot = handler.indexOf(".", slash);
  if (dot < 0) {
    throw new RuntimeError("Runtime.MalformedHandlerName", "Bad handler");
  }
  const [file, name] = [handler.slice(0, dot), handler.slice(dot + 1)];
  const exported = name.split(".").reduce((it, key) => it?.[key], await loadModule(file, handler.slice(slash, dot)));
  if (!exported) {
    throw new RuntimeError("Runtime.HandlerNotFound", `${handler} is undefined or not exported`);
  }
  if (typeof exported !== "function") {
    throw new RuntimeError("Runtime.HandlerNotFound", `${handler} is not a function`);
  }
  return exported;
}

// A file of the task's folder, or else an installed package.
async function loadModule(file, packageName) {
  const root = process.env.LAMBDA_TASK_ROOT ?? process.cwd();
  const base = join(root, file);
  const require = createRequire(import.meta.url);
  const ending = ["", ".js", ".mjs", ".cjs"].find((end) => existsSync(base + end));
  try {
    if (ending === ".mjs" || (ending === ".js" && isEsm(dirname(base)))) {
      return await import(pathToFileURL(base + ending).href);
    }
    const installed = () => require.resolve(packageName, { paths: [root, dirname(base)] });
    return require(ending === undefined ? installed() : base + ending);
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new RuntimeError("Runtime.UserCodeSyntaxError", String(error), error);
    }
    if (error?.code === "MODULE_NOT_FOUND") {
      throw new RuntimeError("Runtime.ImportModuleError", String(error));
    }
    throw error;
  }
}

// Whether the nearest package says that its `.js` files are ECMAScript modules.
function isEsm(folder) {
  const file = join(folder, "package.json");
  if (!folder.endsWith("/node_modules") && existsSync(file)) {
    try {
      return JSON.parse(readFileSync(file)).type === "module";
    } catch (error) {
      console.warn(`${file} cannot be read, it will be ignored for ES module detection purposes.`, error);
      return false;
    }
  }
  return folder !== dirname(folder) && !folder.endsWith("/node_modules") && isEsm(dirname(folder));
}

function contextOf(headers) {
  const { env } = process;
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  // Node.js reads headers as Latin-1.
  const json = (text) => (text ? JSON.parse(Buffer.from(text, "latin1").toString()) : undefined);
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

// What a handler comes to: a promise, a call of its callback, or nothing once nothing is left to do. A
// callback's answer waits for that too, unless the handler doesn't want it to.
function result(handler, event, context) {
  return new Promise((resolve, reject) => {
    // Whatever comes first is the answer, also if it has to wait.
    let isCalled = false;
    const first = (answer) => (...parameters) => {
      if (!isCalled) {
        isCalled = true;
        answer(...parameters);
      }
    };
    const end = (error, value) => {
      whenIdle = undefined;
      error === undefined || error === null ? resolve(value) : reject(error);
    };
    const callback = first((error, value) => {
      const failed = error !== undefined && error !== null;
      if (failed || !context.callbackWaitsForEmptyEventLoop) {
        end(error, value);
      } else {
        whenIdle = () => end(null, value);
      }
    });
    whenIdle = () => end(null, null);
    context.done = first(end);
    context.succeed = first((value) => end(null, value));
    context.fail = first((error) => end(error ?? "handled"));
    try {
      const returned = handler(event, context, callback);
      if (isPromise(returned)) {
        returned.then(context.succeed, context.fail);
      }
    } catch (error) {
      callback(error);
    }
  });
}

function isPromise(value) {
  return typeof value?.then === "function";
}

function serialize(value) {
  let text;
  try {
    text = JSON.stringify(value === undefined ? null : value);
  } catch {
    throw new Error("Unable to stringify response body");
  }
  if (text === undefined) {
    throw new TypeError("Wrong arguments");
  }
  return text;
}

// Objects are written as JSON.
function asBytes(chunk) {
  const isWritable =
    chunk === undefined || chunk === null || typeof chunk === "string" || chunk instanceof Uint8Array;
  return isWritable ? chunk : JSON.stringify(chunk);
}

// The stream to which a handler writes; the request begins with the first bytes.
class ResponseStream extends Writable {
  contentType = "application/octet-stream";

  constructor(requestId, options) {
    super(options);
    this.path = `invocation/${requestId}/response`;
  }

  setContentType(contentType) {
    this.contentType = contentType;
  }

  write(chunk, ...more) {
    return super.write(asBytes(chunk), ...more);
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
    }
    return this.outgoing;
  }

  _write(chunk, encoding, written) {
    const isFirst = this.outgoing === undefined;
    const outgoing = this.open();
    // The prelude of an HTTP answer comes with the first bytes: without any there is none.
    if (isFirst) {
      this._onBeforeFirstWrite?.((prelude) => outgoing.write(prelude));
    }
    outgoing.write(chunk, encoding, () => written());
  }

  _final(ended) {
    this.open().end(() => ended());
  }

  async fail(document) {
    const body = Buffer.from(JSON.stringify(document)).toString("base64");
    this.open().addTrailers({
      ...errorTypeHeader(document),
      "Lambda-Runtime-Function-Error-Body": body,
    });
    this.outgoing.end();
    await this.sent;
  }
}

async function stream(handler, event, context) {
  const response = new ResponseStream(context.awsRequestId, { highWaterMark: handler[highWaterMark] });
  try {
    const returned = handler(event, response, context);
    if (!isPromise(returned) && !response.writableEnded) {
      throw "Streaming does not support non-async handlers.";
    }
    const finished = new Promise((resolve, reject) => {
      response.once("finish", resolve);
      response.once("error", reject);
      // Nobody is left who could end it.
      whenIdle = () => reject("Response stream is not finished.");
    });
    await returned;
    await finished;
    await response.sent;
    if (context.callbackWaitsForEmptyEventLoop) {
      await new Promise((resolve) => (whenIdle = resolve));
    }
  } catch (error) {
    logError("Invoke Error", error);
    const document = errorDocument(error);
    if (response.outgoing === undefined) {
      response.destroy();
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
    if (handler[streaming] === "response") {
      await stream(handler, event, context);
      return;
    }
    const value = serialize(await result(handler, event, context));
    await answer(context.awsRequestId, value);
  } catch (error) {
    logError("Invoke Error", error);
    await fail(`invocation/${context.awsRequestId}/error`, errorDocument(error));
  }
}

// What nobody catches ends the process; the invocation that runs is told why, or the init phase.
function endOn(event, kind, status, asError) {
  process.on(event, async (reason, promise) => {
    const error = asError(reason, promise);
    logError(kind, error);
    const path = current.requestId === undefined ? "init/error" : `invocation/${current.requestId}/error`;
    await fail(path, errorDocument(error));
    process.exit(status);
  });
}

async function main() {
  setUpConsole();
  endOn("uncaughtException", "Uncaught Exception", 129, (error) => error);
  const rejected = (reason, promise) =>
    Object.assign(new RuntimeError("Runtime.UnhandledPromiseRejection", String(reason), reason), { reason, promise });
  endOn("unhandledRejection", "Unhandled Promise Rejection", 128, rejected);
  process.on("beforeExit", () => {
    const then = whenIdle;
    whenIdle = undefined;
    then?.();
  });
  let handler;
  try {
    handler = await load(process.argv[2]);
  } catch (error) {
    logError("Uncaught Exception", error);
    await fail("init/error", errorDocument(error));
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
