"""Calls CloudWatch through boto3, without retries, in the protocol that is named.

The endpoint and the protocol are the arguments: "json", which boto3 takes by itself, "query", which
older versions take, or "smithy-rpc-v2-cbor". Each line of stdin is one call as JSON, an "operation"
and its "parameters"; each line of stdout is what came of it.
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import Loader


def speak(protocol):
    """Takes all other protocols out of the service models."""
    load = Loader.load_service_model

    def load_with_one_protocol(self, *args, **kwargs):
        model = load(self, *args, **kwargs)
        if protocol in model.get("metadata", {}).get("protocols", []):
            model["metadata"]["protocols"] = [protocol]
            model["metadata"]["protocol"] = protocol
        return model

    Loader.load_service_model = load_with_one_protocol


def call(client, operation, parameters):
    try:
        answer = getattr(client, operation)(**parameters)
    except ClientError as error:
        return {
            "exception": type(error).__name__,
            "code": error.response["Error"]["Code"],
            "message": error.response["Error"]["Message"],
            "status": error.response["ResponseMetadata"]["HTTPStatusCode"],
        }
    del answer["ResponseMetadata"]
    return answer


def main():
    endpoint, protocol = sys.argv[1:]
    speak(protocol)
    client = boto3.client(
        "cloudwatch",
        endpoint_url=endpoint,
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}),
    )
    assert client.meta.service_model.resolved_protocol == protocol
    for line in sys.stdin:
        print(json.dumps(call(client, **json.loads(line)), default=str), flush=True)


main()
