"""mtl's runtime client for Python: asks the Runtime API for events and answers what the handler returns.

The handler (`FILE.FUNCTION`) is the argument. Contexts, error texts, log lines and log levels are those
of Lambda's managed runtime.
"""

import importlib
import json
import logging
import os
import re
import socket
import sys
import time
import traceback

JSON_LOGS = os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON"
LEVELS = {"TRACE": "DEBUG", "FATAL": "CRITICAL"}
# Older runtimes answer in ASCII.
ASCII = sys.version_info < (3, 12)
# What stands in a text in place of a number that JSON has and a float has not.
NUMBER = os.urandom(16).hex()
INIT_WARNING = (
    "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. However, in "
    "rare cases, a Lambda runtime update can cause unexpected function behavior. For functions using managed "
    "runtimes, runtime updates can be triggered by a function change, or can be applied automatically. To "
    "determine if the runtime has been updated, check the runtime version in the INIT_START log entry. If this "
    "error correlates with a change in the runtime version, you may be able to mitigate this error by "
    "temporarily rolling back to the previous runtime version. For more information, see "
    "https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html"
)


class Named:
    """Members that may be absent."""

    def __init__(self, members, names):
        for name, key in names.items():
            setattr(self, name, (members or {}).get(key))


class ClientContext:
    def __init__(self, document):
        client = {
            "installation_id": "installation_id",
            "app_title": "app_title",
            "app_version_name": "app_version_name",
            "app_version_code": "app_version_code",
            "app_package_name": "app_package_name",
        }
        self.client = Named(document.get("client"), client) if "client" in document else None
        self.custom = document.get("custom")
        self.env = document.get("env")


class Context:
    """What the handler is told about the invocation."""

    def __init__(self, head):
        environ = os.environ.get
        self.aws_request_id = head["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = head["Lambda-Runtime-Invoked-Function-Arn"]
        self.tenant_id = head["Lambda-Runtime-Aws-Tenant-Id"]
        self.log_group_name = environ("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = environ("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = environ("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = environ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = environ("AWS_LAMBDA_FUNCTION_VERSION")
        self._deadline_ms = int(head["Lambda-Runtime-Deadline-Ms"])
        context = head["Lambda-Runtime-Client-Context"]
        self.client_context = ClientContext(json.loads(context)) if context else None
        identity = json.loads(head["Lambda-Runtime-Cognito-Identity"] or "{}")
        names = {
            "cognito_identity_id": "cognitoIdentityId",
            "cognito_identity_pool_id": "cognitoIdentityPoolId",
        }
        self.identity = Named(identity, names)

    def get_remaining_time_in_millis(self):
        return max(self._deadline_ms - int(time.time() * 1000), 0)

    def log(self, message):
        sys.stdout.write(str(message))


class Failure(Exception):
    """The function can't be loaded, or its answer can't be sent."""

    def __init__(self, kind, message, frames=()):
        super().__init__(message)
        self.document = {"errorMessage": message, "errorType": kind, "requestId": ""}
        self.document["stackTrace"] = list(frames)


class Head(dict):
    """Headers, whatever the case of their names; what is absent is None."""

    def __getitem__(self, name):
        return self.get(name.lower())


class RuntimeApi:
    """The Runtime API of this environment, over one connection.

    Python's own HTTP client loads TLS and all of email with it, which takes longer than the rest of a
    cold start. What is needed here is little: every answer says how long it is.
    """

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.address = address
        self.connection = socket.create_connection((host, int(port)))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answers = self.connection.makefile("rb")

    def call(self, method, path, body=b"", headers=None):
        lines = [f"{method} /2018-06-01/runtime/{path} HTTP/1.1", f"Host: {self.address}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        self.connection.sendall("\r\n".join(lines).encode("utf-8", "replace") + body)
        status = int(self.line().split()[1])
        head = Head()
        while line := self.line().rstrip():
            name, _, value = line.decode("utf-8", "replace").partition(":")
            head[name.lower()] = value.strip()
        return status, head, self.answers.read(int(head["Content-Length"] or 0))

    def line(self):
        line = self.answers.readline()
        if not line:
            sys.exit(1)
        return line

    def next(self):
        status, head, body = self.call("GET", "invocation/next")
        if status != 200:
            sys.exit(1)
        return head, body

    def answer(self, request_id, body):
        content_type = "application/json" if isinstance(body, str) else "application/octet-stream"
        body = body.encode() if isinstance(body, str) else body
        path = f"invocation/{request_id}/response"
        status, _, _ = self.call("POST", path, body, {"Content-Type": content_type})
        if status != 202:
            sys.exit(1)

    def fail(self, path, document):
        body = json.dumps(document).encode()
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Function-Error-Type": document["errorType"],
        }
        self.call("POST", path, body, headers)


class LogFormatter(logging.Formatter):
    """The lines of Lambda's own handler, in text or as JSON."""

    converter = time.gmtime

    def format(self, record):
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", self.converter(record.created))
        if not JSON_LOGS:
            text = record.getMessage()
            if record.exc_info:
                text += "\n" + self.formatException(record.exc_info)
            moment = f"{seconds}.{int(record.msecs):03d}Z"
            return f"[{record.levelname}]\t{moment}\t{current.request_id}\t{text}"
        document = {
            "timestamp": seconds + "Z",
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "requestId": current.request_id,
        }
        if current.tenant_id is not None:
            document["tenantId"] = current.tenant_id
        if record.exc_info and record.exc_info[0]:
            kind, error, trace = record.exc_info
            document["errorType"] = kind.__name__
            document["errorMessage"] = str(error)
            document["stackTrace"] = traceback.format_tb(trace)
            document["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        known = {*logging.makeLogRecord({}).__dict__, "message", "aws_request_id", "tenant_id"}
        for name, value in record.__dict__.items():
            if name not in known and name not in document:
                document[name] = value
        return json.dumps(document, default=str)


class Current(logging.Filter):
    """The invocation that runs now, for the log: formatters of the function's own have it in all records."""

    request_id = None
    tenant_id = None

    def filter(self, record):
        record.aws_request_id = self.request_id or ""
        record.tenant_id = self.tenant_id
        return True


current = Current()


def set_up_logging():
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(LogFormatter())
    handler.addFilter(current)
    root = logging.getLogger()
    root.addHandler(handler)
    if JSON_LOGS:
        level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO")
        root.setLevel(LEVELS.get(level, level))


def load(handler):
    """The function that a handler names. Its folder is that of the task."""
    try:
        file, name = handler.rsplit(".", 1)
    except ValueError as error:
        raise Failure("Runtime.MalformedHandlerName", f"Bad handler '{handler}': {error}")
    if file.split(".")[0] in sys.builtin_module_names:
        message = f"Cannot use built-in module {file} as a handler module"
        raise Failure("Runtime.BuiltInModuleConflict", message)
    sys.path.insert(0, os.environ.get("LAMBDA_TASK_ROOT", os.getcwd()))
    try:
        module = importlib.import_module(file.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{file}': {error}"
        raise Failure("Runtime.ImportModuleError", message)
    except SyntaxError as error:
        frame = f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'
        message = f"Syntax error in module '{file}': {error}"
        raise Failure("Runtime.UserCodeSyntaxError", message, [frame])
    if not hasattr(module, name):
        message = f"Handler '{name}' missing on module '{file}'"
        raise Failure("Runtime.HandlerNotFound", message)
    return getattr(module, name)


def error_document(error, request_id):
    """An exception of the function as Lambda tells it; the frames of this file are left out."""
    frames = traceback.extract_tb(error.__traceback__)
    frames = [frame for frame in frames if frame.filename != __file__]
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": request_id,
        # Without the marks below the line that newer versions of Python add.
        "stackTrace": traceback.format_list([tuple(frame) for frame in frames]),
    }


def log_error(document):
    if JSON_LOGS:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = {"timestamp": now, "level": "ERROR", **document}
        print(json.dumps(line), flush=True)
        return
    trace = "".join(document["stackTrace"])
    head = f"[ERROR] {document['errorType']}: {document['errorMessage']}"
    text = f"{head}\nTraceback (most recent call last):\n{trace}"
    # One event of the log has one line, and Lambda keeps the indentation with hard spaces.
    print("\r".join(indented(line) for line in text.splitlines()), flush=True)


def indented(line):
    text = line.lstrip(" ")
    return "\u00a0" * (len(line) - len(text)) + text


def other(value):
    """A decimal as it is written, which floats would round, bytes as text, and what has a dictionary."""
    decimal = sys.modules.get("decimal")
    if decimal and isinstance(value, decimal.Decimal):
        return float("nan") if value.is_nan() else NUMBER + str(value)
    if isinstance(value, bytes):
        return value.decode()
    if hasattr(value, "_asdict"):
        return named(value._asdict())
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def named(value):
    """The same with objects in place of named tuples."""
    if isinstance(value, dict):
        return {named_key(key): named(member) for key, member in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return named(value._asdict())
    if isinstance(value, (list, tuple)):
        return [named(member) for member in value]
    return value


def named_key(key):
    return key.decode() if isinstance(key, bytes) else key


def serialize(answer):
    try:
        answer = named(answer)
    except RecursionError:
        pass  # It contains itself, as is found out below.
    text = json.dumps(answer, default=other, ensure_ascii=ASCII)
    return re.sub(f'"{NUMBER}([^"]*)"', r"\1", text)


def invoke(handler, head, body):
    """The answer to an event. Whatever goes wrong in here is the function's error."""
    try:
        event = json.loads(body)
    except ValueError as error:
        raise Failure("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}")
    answer = handler(event, Context(head))
    if isinstance(answer, bytes):
        return answer
    try:
        text = serialize(answer)
        text.encode()
        return text
    except (TypeError, ValueError, RecursionError) as error:
        raise Failure("Runtime.MarshalError", f"Unable to marshal response: {error}")


def main():
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    set_up_logging()
    try:
        handler = load(sys.argv[1])
    except Failure as failure:
        document = failure.document
    except Exception as error:
        document = error_document(error, "")
    else:
        document = None
    if document is not None:
        logging.warning(INIT_WARNING)
        log_error(document)
        api.fail("init/error", document)
        sys.exit(1)
    while True:
        head, body = api.next()
        request_id = head["Lambda-Runtime-Aws-Request-Id"]
        current.request_id = request_id
        current.tenant_id = head["Lambda-Runtime-Aws-Tenant-Id"]
        os.environ["_X_AMZN_TRACE_ID"] = head["Lambda-Runtime-Trace-Id"] or ""
        try:
            answer = invoke(handler, head, body)
        except Failure as failure:
            document = {**failure.document, "requestId": request_id}
        except Exception as error:
            document = error_document(error, request_id)
        else:
            api.answer(request_id, answer)
            continue
        log_error(document)
        api.fail(f"invocation/{request_id}/error", document)


# A process that the function starts with `multiprocessing` may load this file again.
if __name__ == "__main__":
    main()
