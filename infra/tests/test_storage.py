"""The queues, the vault and the pipe: nothing is lost, and all of it is encrypted."""

from __future__ import annotations

import json

from stacks import CONTRACT, Stack, arn, text_of

KEY = {"Ref": "KmsKeyArn"}


def test_queue_names(stack: Stack) -> None:
    suffix = ".fifo" if stack.parameters["QueueKind"] == "fifo" else ""
    names = {
        name: text_of(queue["QueueName"])
        for name, queue in stack.of_type("AWS::SQS::Queue").items()
    }
    assert names == {
        "Jobs": f"${{AWS::StackName}}-jobs{suffix}",
        "DeadJobs": f"${{AWS::StackName}}-dead-jobs{suffix}",
    }
    for queue in stack.of_type("AWS::SQS::Queue").values():
        # CloudFormation takes true or nothing.
        assert queue.get("FifoQueue") == (True if suffix else None)
        assert queue.get("FifoThroughputLimit") == ("perMessageGroupId" if suffix else None)


def test_dead_letter_queue(stack: Stack) -> None:
    jobs, dead = stack.properties("Jobs"), stack.properties("DeadJobs")
    assert jobs["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeadJobs", "Arn"]}
    source = arn("sqs", text_of(jobs["QueueName"]))
    assert dead["RedriveAllowPolicy"] == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [source],
    }
    # Standard queues count the time from the job's arrival.
    assert dead["MessageRetentionPeriod"] >= jobs["MessageRetentionPeriod"] + 604800


def test_queues_survive_a_change_of_their_kind(stack: Stack) -> None:
    for name in ("Jobs", "DeadJobs"):
        assert stack.resources[name]["UpdateReplacePolicy"] == "Retain"


def test_encryption(stack: Stack) -> None:
    has_key = bool(stack.parameters["KmsKeyArn"])
    for queue in stack.of_type("AWS::SQS::Queue").values():
        kinds = {kind for kind in ("KmsMasterKeyId", "SqsManagedSseEnabled") if kind in queue}
        assert kinds == ({"KmsMasterKeyId"} if has_key else {"SqsManagedSseEnabled"})
    [rule] = stack.properties("Vault")["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == (
        {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
        if has_key
        else {"SSEAlgorithm": "AES256"}
    )
    for log in stack.of_type("AWS::Logs::LogGroup").values():
        assert log.get("KmsKeyId") == (KEY if has_key else None)
    assert stack.properties("Function").get("KmsKeyArn") == (KEY if has_key else None)


def test_the_vault_is_private(stack: Stack) -> None:
    vault = stack.properties("Vault")
    assert list(vault["PublicAccessBlockConfiguration"].values()) == [True] * 4
    assert vault["VersioningConfiguration"] == {"Status": "Enabled"}
    assert ("LoggingConfiguration" in vault) == bool(stack.parameters["AccessLogBucket"])


def test_the_vault_stays(stack: Stack) -> None:
    """It outlives the stack, and not a creation that failed: nothing can be in it then."""
    for name in ("Vault", "VaultPolicy"):
        assert stack.resources[name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert stack.resources[name]["UpdateReplacePolicy"] == "Retain"


def test_the_vault_expires(stack: Stack) -> None:
    rules = stack.properties("Vault")["LifecycleConfiguration"]["Rules"]
    expiring = {rule["Prefix"]: rule for rule in rules if "ExpirationInDays" in rule}
    assert sorted(expiring) == [f"{folder}/" for folder in CONTRACT["vault"]]
    # A pointer can wait 7 days on the queue and 14 on the dead-letter queue, and both after a redrive.
    assert expiring["oversize/"]["ExpirationInDays"] >= 42
    assert expiring["oversize/"]["NoncurrentVersionExpiration"]["NoncurrentDays"] >= 14


def test_the_pipe_loses_nothing(stack: Stack) -> None:
    has_bus = bool(stack.parameters["EventBusArn"])
    assert bool(stack.of_type("AWS::Pipes::Pipe")) == has_bus
    assert stack.source["Parameters"]["EventBusArn"]["Default"] == ""
    if has_bus:
        pipe = stack.properties("Pipe")
        # No filter: a pipe deletes what its filters reject. Batches of one, since a batch fails as one.
        assert pipe["SourceParameters"] == {"SqsQueueParameters": {"BatchSize": 1}}
        log = pipe["LogConfiguration"]
        assert (log["Level"], log.get("IncludeExecutionData")) == ("ERROR", None)
        assert log["CloudwatchLogsLogDestination"] == {
            "LogGroupArn": {"Fn::GetAtt": ["PipeLog", "Arn"]}
        }
        assert "<$.body>" in json.dumps(pipe["TargetParameters"])
