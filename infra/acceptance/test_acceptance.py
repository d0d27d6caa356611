"""Deploys the packages of `make packages`, and tests each promise on the emulator or in an account.

The tests run in their order, on one stack.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
import secrets
import threading
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

import local
from conftest import Deployment, eventually
from receiver import kind

# Lambda's limit for the unpacked size.
LARGEST_CODE = 250 * 1024 * 1024
TRANSCODE = (local.CASES / local.TRANSCODE).read_bytes()


def job(name: str, user_data: str = "") -> bytes:
    """Returns the callback of a job with this id."""
    body = TRANSCODE.replace(b"j5d1f0c2a7b3e4f60a1b2c3d4e5f60718", name.encode())
    return body.replace(b"order 4711", user_data.encode()) if user_data else body


def ids(messages: list[dict[str, Any]]) -> list[str]:
    return sorted(json.loads(message["Body"])["id"] for message in messages)


@contextlib.contextmanager
def vendor(folder: Path, names: list[str]) -> Iterator[str]:
    """Serves Tencent's list of tasks with these jobs, and an empty list of workflow runs."""
    end = datetime.now(timezone(timedelta(hours=8))) - timedelta(minutes=10)
    ended = f"<EndTime>{end:%Y-%m-%dT%H:%M:%S%z}<".encode()
    bodies = [re.sub(b"<EndTime>[^<]*<", ended, job(name)) for name in names]
    tasks = [re.search(b"<JobsDetail>.*</JobsDetail>", body, re.DOTALL)[0] for body in bodies]
    (folder / "jobs").write_bytes(b"<Response>%b</Response>" % b"".join(tasks))
    (folder / "workflowexecution").write_bytes(b"<Response/>")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_guided_deployment(deployment: Deployment) -> None:
    """Deploys with `sam deploy --guided` in the unpacked folder, as in the README."""
    values = {"TokenDigests": deployment.digest(), "QueueMaxBytes": "65536"}
    assert deployment.deploy_guided(AlarmEmail="success@simulator.amazonses.com", **values)
    assert deployment.status == "CREATE_COMPLETE"
    deployment.create_user("worker", deployment.outputs["ConsumerPolicyArn"])


def test_each_family_arrives(deployment: Deployment) -> None:
    expected: list[str] = []
    for sample in local.samples():
        status, answer = deployment.post(sample.body, sample.token)
        assert kind(status, json.dumps(answer)) == sample.expected, sample.name
        expected += answer.get("ids", [])
    assert ids(deployment.receive(len(expected))) == sorted(expected)


def test_an_oversize_job_is_a_pointer_into_the_vault(deployment: Deployment) -> None:
    assert deployment.post(job("oversize", "x" * 70_000))[0] == 200
    [message] = deployment.receive(1)
    _, pointer = json.loads(message["Body"])
    location = {"Bucket": pointer["s3BucketName"], "Key": pointer["s3Key"]}
    stored = deployment.users["worker"].client("s3").get_object(**location)["Body"]
    assert json.load(stored)["id"] == "oversize:Success"


def test_an_unreadable_body_is_in_quarantine(deployment: Deployment) -> None:
    [key] = deployment.stored("quarantine")
    assert key in deployment.run("operate", "./callbackctl", "vault", "list").stdout
    location = {"Bucket": deployment.outputs["VaultBucket"], "Key": key}
    with pytest.raises(ClientError, match="AccessDenied|403"):
        deployment.users["worker"].client("s3").get_object(**location)


def test_what_the_queue_refuses_is_spilled_and_replayed(deployment: Deployment) -> None:
    queue = boto3.resource("sqs").Queue(deployment.outputs["QueueUrl"])
    before = queue.attributes["Policy"]
    policy, arn = json.loads(before), queue.attributes["QueueArn"]
    denied = {"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy["Statement"].append(denied)
    queue.set_attributes(Attributes={"Policy": json.dumps(policy)})
    # AWS applies the policy with a delay. Callbacks that are accepted until then are received below.
    assert eventually(lambda: deployment.post(job("spilled"))[0] == 503)
    [spilled] = deployment.stored("spill")
    queue.set_attributes(Attributes={"Policy": before})
    command = ["./callbackctl", "replay", "--prefix", "spill/"]
    assert eventually(lambda: deployment.run("operate", *command).returncode == 0)
    assert "spilled:Success" in ids(deployment.receive(1))
    assert deployment.stored("replayed") == [f"replayed/{spilled}"]


def test_both_tokens_are_accepted_during_a_rotation(deployment: Deployment) -> None:
    url, old, new = deployment.url, deployment.token, secrets.token_hex(32)
    both = f"{deployment.digest(old)},{deployment.digest(new)}"
    assert deployment.sam("deploy", TokenDigests=both)
    assert deployment.url == url
    for token in (old, new):
        assert deployment.post(job("rotation"), token)[0] == 200
    # Finds the last use of the old token, as documented for a rotation.
    assert eventually(
        lambda: {0, 1} <= {line["token.index"] for line in deployment.log("token.index")}
    )
    assert deployment.sam("deploy", TokenDigests=deployment.digest(new))
    deployment.token = new
    assert eventually(lambda: deployment.post(b"", old)[0] == 403)
    assert ids(deployment.receive(2)) == ["rotation:Success"] * 2


def test_a_failed_update_can_be_repeated(deployment: Deployment) -> None:
    """Deploys new queues, which the rollback deletes, and code that Lambda rejects."""
    package = deployment.folder / "callback.zip"
    good = package.read_bytes()
    with zipfile.ZipFile(package, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(LARGEST_CODE))
    assert not deployment.sam("deploy", QueueKind="fifo")
    assert deployment.status == "UPDATE_ROLLBACK_COMPLETE"
    assert deployment.post(job("rolled-back"))[0] == 200
    assert ids(deployment.receive(1)) == ["rolled-back:Success"]
    package.write_bytes(good)
    # SQS rejects the name of a queue for a minute after its deletion.
    assert eventually(lambda: deployment.sam("deploy", QueueKind="fifo"))


def test_a_fifo_queue_drops_repeats(deployment: Deployment) -> None:
    assert deployment.outputs["QueueUrl"].endswith("-jobs.fifo")
    for _ in range(2):
        assert deployment.post(job("repeated"))[0] == 200
    assert ids(deployment.receive(1)) == ["repeated:Success"]


def test_the_doctor_finds_only_the_quarantined_body(deployment: Deployment) -> None:
    url = f"{deployment.url}/{deployment.token}"
    output = deployment.run("operate", "./callbackctl", "doctor", url).stdout
    [wrong] = [line for line in output.splitlines() if line.startswith("wrong")]
    assert "quarantine/" in wrong


@pytest.mark.account("the emulator does not evaluate Rules")
def test_a_rule_refuses_two_notifications(deployment: Deployment) -> None:
    assert not deployment.sam("deploy", AlarmTopicArn=deployment.outputs["AlarmTopicArn"])


@pytest.mark.account("the emulator does not read metrics from log lines")
def test_a_quarantined_body_raises_its_alarm(deployment: Deployment) -> None:
    alarm = boto3.resource("cloudwatch").Alarm(f"{deployment.name}-quarantined")

    def has_notified() -> bool:
        deployment.post(b"<Response>")
        actions = alarm.describe_history(HistoryItemType="Action")["AlarmHistoryItems"]
        return any("Successfully executed" in action["HistorySummary"] for action in actions)

    assert eventually(has_notified)


@pytest.mark.emulator("the fake API of Tencent runs on this machine")
def test_a_lost_job_is_reconciled(deployment: Deployment, tmp_path: Path) -> None:
    """Tencent lists two jobs. The callback of only one of them has arrived."""
    stack, outputs = f"{deployment.name}-reconcile", deployment.outputs
    key = {"TENCENTCLOUD_SECRET_ID": "id", "TENCENTCLOUD_SECRET_KEY": "key"}
    secrets_manager = boto3.client("secretsmanager")
    secret = secrets_manager.create_secret(Name=stack, SecretString=json.dumps(key))["ARN"]
    values = {name: outputs[name] for name in ("QueueUrl", "VaultBucket", "LogGroupName")}
    values.update(SecretArn=secret, Buckets="media-1300000001/ap-guangzhou")
    assert deployment.sam("deploy", "--config-env", "reconcile", user="reconcile", **values)
    assert deployment.post(job("arrived"))[0] == 200
    function, name = boto3.client("lambda"), {"FunctionName": stack}
    with vendor(tmp_path, ["arrived", "lost"]) as address:
        variables = function.get_function_configuration(**name)["Environment"]["Variables"]
        variables["CI_ENDPOINT_URL"] = address
        function.update_function_configuration(**name, Environment={"Variables": variables})
        function.get_waiter("function_updated_v2").wait(**name)
        invoked = function.invoke(**name, Payload=b"{}")
        assert "FunctionError" not in invoked, invoked["Payload"].read()
    assert ids(deployment.receive(2)) == ["arrived:Success", "lost:Success"]
    assert deployment.sam("delete", "--no-prompts", user="reconcile")


def test_the_template_without_function_url(deployment: Deployment) -> None:
    """Deploys the template for regions without function URLs to the same stack."""
    before = deployment.url
    assert deployment.sam("deploy", "--template", "template-http-api.yaml")
    assert deployment.url != before
    assert deployment.post(job("by-api"))[0] == 200
    assert ids(deployment.receive(1)) == ["by-api:Success"]


def test_deletion_keeps_the_vault(deployment: Deployment) -> None:
    vault = deployment.outputs["VaultBucket"]
    worker = boto3.resource("iam").User(f"{deployment.name}-worker")
    worker.detach_policy(PolicyArn=deployment.outputs["ConsumerPolicyArn"])
    assert deployment.sam("delete", "--no-prompts")
    assert deployment.status == "DELETE_COMPLETE"
    assert boto3.client("s3").list_objects_v2(Bucket=vault)["KeyCount"] > 0
