"""Deploys what `make packages` has made, and tries each promise: on the emulator, or in an account.

The tests run in their order, on one stack.
"""

from __future__ import annotations

import json
import secrets
import zipfile

import boto3
import pytest
from botocore.exceptions import ClientError

import fake_vendor
import local
from conftest import Deployment, eventually
from receiver import kind

# Lambda's limit, unpacked.
LARGEST_CODE = 250 * 1024 * 1024
TRANSCODE = (local.CASES / local.TRANSCODE).read_bytes()


def job(name: str, user_data: str = "") -> bytes:
    """Returns a callback of a job with this id."""
    body = TRANSCODE.replace(b"j5d1f0c2a7b3e4f60a1b2c3d4e5f60718", name.encode())
    return body.replace(b"order 4711", user_data.encode()) if user_data else body


def ids(messages: list[dict]) -> list[str]:
    return sorted(json.loads(message["Body"])["id"] for message in messages)


def delete(stack: str) -> list[str]:
    region = boto3.Session().region_name
    return ["sam", "delete", "--stack-name", stack, "--region", region, "--no-prompts"]


def test_guided_deployment(deployment: Deployment) -> None:
    """As in the README: `sam deploy --guided` in the unpacked folder."""
    values = {"TokenDigests": deployment.digest(), "QueueMaxBytes": "65536"}
    assert deployment.deploy_guided(AlarmEmail="success@simulator.amazonses.com", **values)
    assert deployment.describe()["StackStatus"] == "CREATE_COMPLETE"
    deployment.create_worker()


def test_each_family_arrives(deployment: Deployment) -> None:
    expected: list[str] = []
    for sample in local.samples():
        status, answer = deployment.post(sample.body, sample.token or "")
        assert kind(status, json.dumps(answer)) == sample.expected, sample.name
        expected += answer.get("ids", [])
    assert ids(deployment.receive(len(expected))) == sorted(expected)


def test_an_oversize_job_is_a_pointer_into_the_vault(deployment: Deployment) -> None:
    assert deployment.post(job("oversize", "x" * 70_000))[0] == 200
    [message] = deployment.receive(1)
    _, pointer = json.loads(message["Body"])
    location = {"Bucket": pointer["s3BucketName"], "Key": pointer["s3Key"]}
    stored = deployment.client("s3", "worker").get_object(**location)["Body"]
    assert json.load(stored)["id"] == "oversize:Success"


def test_an_unreadable_body_is_in_quarantine(deployment: Deployment) -> None:
    [key] = [key for key in deployment.stored() if key.startswith("quarantine/")]
    assert key in deployment.run("operate", "./callbackctl", "vault", "list").stdout
    location = {"Bucket": deployment.outputs["VaultBucket"], "Key": key}
    with pytest.raises(ClientError, match="AccessDenied|403"):
        deployment.client("s3", "worker").get_object(**location)


def test_what_the_queue_refuses_is_spilled_and_replayed(deployment: Deployment) -> None:
    sqs, queue = boto3.client("sqs"), {"QueueUrl": deployment.outputs["QueueUrl"]}
    names = {"AttributeNames": ["Policy", "QueueArn"]}
    attributes = sqs.get_queue_attributes(**queue, **names)["Attributes"]
    policy = json.loads(attributes["Policy"])
    denied = {"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage"}
    policy["Statement"].append({**denied, "Resource": attributes["QueueArn"]})
    sqs.set_queue_attributes(**queue, Attributes={"Policy": json.dumps(policy)})
    # AWS takes a while to apply it. What is accepted until then is received below.
    assert eventually(lambda: deployment.post(job("spilled"))[0] == 503)
    [spilled] = [key for key in deployment.stored() if key.startswith("spill/")]
    sqs.set_queue_attributes(**queue, Attributes={"Policy": attributes["Policy"]})

    def replay() -> bool:
        command = ["./callbackctl", "replay", "--prefix", "spill/"]
        return deployment.run("operate", *command).returncode == 0

    assert eventually(replay)
    assert "spilled:Success" in ids(deployment.receive(1))
    assert f"replayed/{spilled}" in deployment.stored()


def test_both_tokens_are_accepted_during_a_rotation(deployment: Deployment) -> None:
    url, old, new = deployment.url(), deployment.token, secrets.token_hex(32)
    both = f"{deployment.digest(old)},{deployment.digest(new)}"
    assert deployment.deploy(TokenDigests=both)
    assert deployment.url() == url
    for token in (old, new):
        assert deployment.post(job("rotation"), token)[0] == 200
    assert deployment.deploy(TokenDigests=deployment.digest(new))
    deployment.token = new
    assert eventually(lambda: deployment.post(b"", old)[0] == 403)
    assert ids(deployment.receive(2)) == ["rotation:Success"] * 2


def test_a_failed_update_can_be_repeated(deployment: Deployment) -> None:
    """With new queues, which the roll-back deletes, and code that Lambda refuses."""
    package = deployment.folder / "callback.zip"
    good = package.read_bytes()
    with zipfile.ZipFile(package, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(LARGEST_CODE))
    assert not deployment.deploy(QueueKind="fifo")
    assert deployment.describe()["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert deployment.post(job("rolled-back"))[0] == 200
    assert ids(deployment.receive(1)) == ["rolled-back:Success"]
    package.write_bytes(good)
    # SQS refuses the name of a queue for a minute after its deletion.
    assert eventually(lambda: deployment.deploy(QueueKind="fifo"))


def test_a_fifo_queue_drops_repeats(deployment: Deployment) -> None:
    assert deployment.outputs["QueueUrl"].endswith("-jobs.fifo")
    for _ in range(2):
        assert deployment.post(job("repeated"))[0] == 200
    assert ids(deployment.receive(1)) == ["repeated:Success"]


def test_the_doctor_finds_only_the_quarantined_body(deployment: Deployment) -> None:
    url = f"{deployment.url()}/{deployment.token}"
    output = deployment.run("operate", "./callbackctl", "doctor", url).stdout
    wrong = [line for line in output.splitlines() if line.startswith("wrong")]
    assert len(wrong) == 1 and "quarantine/" in wrong[0]


@pytest.mark.account("the emulator does not evaluate Rules")
def test_a_rule_refuses_two_notifications(deployment: Deployment) -> None:
    arn = f"arn:aws:sns:{boto3.Session().region_name}:{'1' * 12}:alarms"
    assert not deployment.deploy(AlarmTopicArn=arn)


@pytest.mark.account("the emulator does not read metrics from log lines")
def test_a_quarantined_body_raises_its_alarm(deployment: Deployment) -> None:
    names = {"AlarmNames": [f"{deployment.name}-quarantined"]}

    def is_raised() -> bool:
        deployment.post(b"<Response>")
        [alarm] = boto3.client("cloudwatch").describe_alarms(**names)["MetricAlarms"]
        return alarm["StateValue"] == "ALARM"

    assert eventually(is_raised)


@pytest.mark.emulator("the stand-in of the vendor is on this machine")
def test_a_lost_job_is_reconciled(deployment: Deployment) -> None:
    """The vendor lists two jobs: the callback of one has arrived, that of the other never."""
    secret = deployment.create_secret(
        {"TENCENTCLOUD_SECRET_ID": "id", "TENCENTCLOUD_SECRET_KEY": "key"}
    )
    values = {
        name: deployment.outputs[name] for name in ("QueueUrl", "VaultBucket", "LogGroupName")
    }
    values.update(SecretArn=secret, Buckets="media-1300000001/ap-guangzhou")
    stack = f"{deployment.name}-reconcile"
    assert deployment.deploy("--template", "reconcile.yaml", stack=stack, **values)
    callback = TRANSCODE.decode()
    assert deployment.post(job("arrived"))[0] == 200
    with fake_vendor.vendor(
        [fake_vendor.task(callback, name) for name in ("arrived", "lost")]
    ) as found:
        answer = deployment.invoke(stack, CI_ENDPOINT_URL=found["CI_ENDPOINT_URL"])
    assert "errorMessage" not in answer
    assert ids(deployment.receive(2)) == ["arrived:Success", "lost:Success"]
    assert deployment.run("deploy", *delete(stack)).returncode == 0


def test_the_template_without_function_url(deployment: Deployment) -> None:
    """For regions without function URLs, over the same stack."""
    before = deployment.url()
    assert deployment.deploy("--template", "template-http-api.yaml")
    assert deployment.url() != before
    assert deployment.post(job("by-api"))[0] == 200
    assert ids(deployment.receive(1)) == ["by-api:Success"]


def test_deletion_keeps_the_vault(deployment: Deployment) -> None:
    iam, vault = boto3.client("iam"), deployment.outputs["VaultBucket"]
    policy = deployment.outputs["ConsumerPolicyArn"]
    iam.detach_user_policy(UserName=f"{deployment.name}-worker", PolicyArn=policy)
    assert deployment.run("deploy", *delete(deployment.name)).returncode == 0
    assert deployment.describe()["StackStatus"] in ("", "DELETE_COMPLETE")
    assert boto3.client("s3").list_objects_v2(Bucket=vault)["KeyCount"] > 0
