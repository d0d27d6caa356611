"""The queues, the vault and the pipe: they lose nothing, and all of it is encrypted."""

from __future__ import annotations

import json

from stacks import CONTRACT, Stack, references, text_of

DAY = 86400


def test_dead_letter_queue(stack: Stack) -> None:
    jobs, dead = stack.properties("Jobs"), stack.properties("DeadJobs")
    # SQS requires both to be FIFO, or neither, by the ends of their names.
    is_fifo = stack.parameters["QueueKind"] == "fifo" or None
    for queue in (jobs, dead):
        assert queue.get("FifoQueue") is is_fifo
        assert text_of(queue["QueueName"]).endswith(".fifo") == bool(is_fifo)
    assert jobs["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeadJobs", "Arn"]}
    # The queues refer to each other. To avoid a circular dependency, one of them uses a name.
    allowed = dead["RedriveAllowPolicy"]
    assert allowed["redrivePermission"] == "byQueue"
    [source] = map(text_of, allowed["sourceQueueArns"])
    assert source.endswith(f":{text_of(jobs['QueueName'])}")
    # Standard queues count the retention from the job's arrival.
    assert dead["MessageRetentionPeriod"] >= jobs["MessageRetentionPeriod"] + 7 * DAY


def test_what_is_retained(stack: Stack) -> None:
    """A change of QueueKind retains the queues. Only a failed creation deletes the vault."""
    for name in ("Jobs", "DeadJobs", "Vault", "VaultPolicy"):
        assert stack.resources[name]["UpdateReplacePolicy"] == "Retain"
    for name in ("Vault", "VaultPolicy"):
        assert stack.resources[name]["DeletionPolicy"] == "RetainExceptOnCreate"


def test_encryption(stack: Stack) -> None:
    has_key = bool(stack.parameters["KmsKeyArn"])
    for kind in ("SQS::Queue", "S3::Bucket", "Logs::LogGroup", "Lambda::Function"):
        for name, properties in stack.of_type(f"AWS::{kind}").items():
            assert ("KmsKeyArn" in references(properties)) == has_key, name
    for queue in stack.of_type("AWS::SQS::Queue").values():
        # With both, SQS refuses the queue.
        assert queue.get("SqsManagedSseEnabled", False) != has_key


def test_the_vault_expires(stack: Stack) -> None:
    rules = stack.properties("Vault")["LifecycleConfiguration"]["Rules"]
    expiring = {rule["Prefix"]: rule for rule in rules if "ExpirationInDays" in rule}
    assert sorted(expiring) == [f"{folder}/" for folder in CONTRACT["vault"]]
    # A pointer may be 7 days on the queue, 14 on the dead-letter queue, and both after a redrive.
    assert expiring["oversize/"]["ExpirationInDays"] >= 42
    # A worker deletes the object, and another delivery of the job may still point to it.
    assert expiring["oversize/"]["NoncurrentVersionExpiration"]["NoncurrentDays"] >= 14


def test_the_pipe_loses_nothing(stack: Stack) -> None:
    assert bool(stack.of_type("AWS::Pipes::Pipe")) == bool(stack.parameters["EventBusArn"])
    for pipe in stack.of_type("AWS::Pipes::Pipe").values():
        # A pipe deletes what its filter rejects, and a batch fails as a whole.
        assert pipe["SourceParameters"] == {"SqsQueueParameters": {"BatchSize": 1}}
        assert pipe["LogConfiguration"]["Level"] == "ERROR"
        # Jobs may contain secrets.
        assert "IncludeExecutionData" not in pipe["LogConfiguration"]
        assert "<$.body>" in json.dumps(pipe["TargetParameters"])
