"""The function under test on awslambdaric. The event's "do" says what it does:

raise     raise a ValueError
exit      end the process with "status"
sleep     sleep for "seconds" before the answer
text      answer a text that is "length" bytes long as JSON
print     write to stdout, stderr and the log
invoke    invoke the function itself for "tenant", and answer what that answers
put       put a value of 1 for "metric" of "tenant" into the namespace "Interop"
otherwise answer what it was called with, and how often this process was called
"""

import json
import logging
import os
import sys
import time

logging.getLogger().setLevel(logging.INFO)
calls = 0


def invoke(function_name, tenant):
    # Nothing but the environment says where Lambda is, and with what to sign.
    import boto3

    answer = boto3.client("lambda").invoke(FunctionName=function_name, TenantId=tenant)
    return json.load(answer["Payload"])


def put(metric, tenant):
    import boto3

    tenant_id = [{"Name": "TenantId", "Value": tenant}]
    datum = {"MetricName": metric, "Dimensions": tenant_id, "Value": 1}
    boto3.client("cloudwatch").put_metric_data(Namespace="Interop", MetricData=[datum])


def handler(event, context):
    global calls
    calls += 1
    match event.get("do"):
        case "raise":
            raise ValueError("boom")
        case "exit":
            sys.exit(event["status"])
        case "sleep":
            time.sleep(event["seconds"])
        case "text":
            return "x" * (event["length"] - 2)
        case "print":
            print("printed to stdout")
            print("printed to stderr", file=sys.stderr)
            logging.info("logged")
        case "put":
            return put(event["metric"], event["tenant"])
        case "invoke":
            return invoke(context.function_name, event["tenant"])
    return {
        "event": event,
        "tenant": getattr(context, "tenant_id", None),
        "calls": calls,
        "pid": os.getpid(),
        "arn": context.invoked_function_arn,
        "request_id": context.aws_request_id,
        "remaining_ms": context.get_remaining_time_in_millis(),
        "memory": context.memory_limit_in_mb,
        "log_group": context.log_group_name,
    }
