"""Calls Lambda through boto3, without retries.

The endpoint is the argument. Each line of stdin holds the parameters of one call as JSON, each
line of stdout what came of it: the members of the response, or the exception. The call is "invoke"
unless "operation" names another one, or "waiter" something to wait for.
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def call(client, parameters):
    if waiter := parameters.pop("waiter", None):
        # The first answer must be the right one.
        client.get_waiter(waiter).wait(WaiterConfig={"MaxAttempts": 1}, **parameters)
        return {"waited": True}
    operation = parameters.pop("operation", "invoke")
    try:
        answer = getattr(client, operation)(**parameters)
    except ClientError as error:
        return {
            "exception": type(error).__name__,
            "code": error.response["Error"]["Code"],
            "message": error.response["Error"]["Message"],
            "status": error.response["ResponseMetadata"]["HTTPStatusCode"],
            "reason": error.response.get("Reason"),
            "retry_after": error.response.get("retryAfterSeconds"),
        }
    metadata = answer.pop("ResponseMetadata")
    answer["RequestId"] = metadata["RequestId"]
    if "Payload" in answer:
        answer["Payload"] = json.loads(answer["Payload"].read())
    return answer


def main():
    client = boto3.client(
        "lambda",
        endpoint_url=sys.argv[1],
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}),
    )
    for line in sys.stdin:
        print(json.dumps(call(client, json.loads(line))), flush=True)


main()
