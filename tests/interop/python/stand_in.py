"""Sets up the stand-in for AWS whose endpoint is the argument.

It deploys app.py of this folder as "tenants" and, with a reserved concurrency of 0, as "throttled",
and publishes metrics of two tenants of the first. It prints the access keys of two users, one JSON
object each: the first may invoke functions and read metrics, the second may do nothing.
"""

import io
import json
import sys
import zipfile

import boto3


def policy(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def client(service):
    return boto3.client(service, endpoint_url=sys.argv[1], region_name="us-east-1")


def package():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as contents:
        contents.write("app.py")
    return archive.getvalue()


def publish(tenant, invocations, errors):
    dimensions = [
        {"Name": "FunctionName", "Value": "tenants"},
        {"Name": "TenantId", "Value": tenant},
    ]
    counts = {"Invocations": invocations, "Errors": errors, "Throttles": 0}
    data = [
        {"MetricName": name, "Dimensions": dimensions, "Value": value, "Unit": "Count"}
        for name, value in counts.items()
    ]
    durations = {"MetricName": "Duration", "Dimensions": dimensions, "Values": [10.0, 20.0]}
    cloudwatch = client("cloudwatch")
    cloudwatch.put_metric_data(Namespace="AWS/Lambda", MetricData=[*data, durations])


def access_key(iam, user):
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return {"id": key["AccessKeyId"], "secret": key["SecretAccessKey"]}


def main():
    iam = client("iam")
    role = iam.create_role(
        RoleName="function",
        AssumeRolePolicyDocument=policy(
            Principal={"Service": "lambda.amazonaws.com"}, Action="sts:AssumeRole"
        ),
    )
    functions = client("lambda")
    for name in ("tenants", "throttled"):
        functions.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Handler="app.handler",
            Role=role["Role"]["Arn"],
            Code={"ZipFile": package()},
            TenancyConfig={"TenantIsolationMode": "PER_TENANT"},
        )
    functions.put_function_concurrency(FunctionName="throttled", ReservedConcurrentExecutions=0)
    for user in ("invoker", "stranger"):
        iam.create_user(UserName=user)
    iam.put_user_policy(
        UserName="invoker",
        PolicyName="invoke",
        PolicyDocument=policy(
            Action=[
                "lambda:InvokeFunction",
                "cloudwatch:ListMetrics",
                "cloudwatch:GetMetricData",
            ],
            Resource="*",
        ),
    )
    publish("alice", invocations=7, errors=1)
    publish("bob", invocations=3, errors=0)
    for user in ("invoker", "stranger"):
        print(json.dumps(access_key(iam, user)))


main()
