"""What happens to a stack after its creation: `make e2e` does it on the emulator."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import secrets
from collections.abc import Callable

import boto3

import deploy
import emulator
import local
from destroy import attached
from e2e_trial import REGION, Trial
from stack import ROOT, Stack, depth

# The machine of an ELF file, at byte 18.
MACHINES = {"x86_64": 0x3E, "arm64": 0xB7}


class Lifecycle(Trial):
    """A creation that fails, every kind of update, and the deletion."""

    def run(self) -> None:
        self.users = {"deploy": self.create_user("deploy")}
        self.try_refusals()
        self.try_failed_creation()
        self.token = self.deploy(*self.parameters, "AlarmEmail=someone@example.com")
        self.find()
        self.works("after the creation")
        self.try_again()
        self.try_token()
        self.try_empty()
        self.try_kind()
        self.try_kind_with_pipe()
        self.try_reconcile()
        self.try_destroy()

    def refused(
        self, what: str, expected: str, command: Callable[..., object], *arguments: str
    ) -> None:
        """Expects a command to end with a message that contains `expected`."""
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                command(*arguments)
        except SystemExit as end:
            self.equal(what, True, expected in str(end.code) or str(end.code))
        else:
            self.equal(what, "a refusal", "none")

    def works(self, when: str) -> None:
        """Posts a callback, and expects its record on the queue."""
        self.equal(f"an answer {when}", 200, self.post(local.samples()[0])[0])
        self.equal(f"records {when}", 1, len(self.receive()))

    def parameter(self, name: str) -> str:
        return Stack.describe(self.stack).parameters[name]

    def try_refusals(self) -> None:
        emulator.step("arguments that are refused before the build")
        self.refused("a long name", "58", self.deploy, "--stack", "a" * 60)
        elsewhere = ["--region", "ca-west-1"]
        self.refused("a region without URLs", "FrontDoor=http-api", self.deploy, *elsewhere)
        os.environ.update(AWS_REGION=REGION, AWS_DEFAULT_REGION=REGION)
        reserved = "ReservedConcurrency=950"
        self.refused("too much concurrency", "AWS requires 100", self.deploy, reserved)
        self.refused("an unknown parameter", "no parameter Colour", self.deploy, "Colour=blue")
        self.refused("no stack", "does not exist", self.destroy)

    def try_failed_creation(self) -> None:
        """CloudFormation refuses a bus of another region when it creates the pipe."""
        emulator.step("a creation that fails")
        bus = "EventBusArn=arn:aws:events:us-east-1:000000000000:event-bus/jobs"
        parameters = [*self.parameters, bus]
        self.refused("a creation that fails", "sam deploy failed", self.deploy, *parameters)
        self.equal("status after it", "", Stack.describe(self.stack).status)
        buckets = [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]]
        kept = [name for name in buckets if name.startswith(self.stack)]
        self.equal("buckets after it", [], kept)
        self.equal("queues after it", [], Stack(self.stack).queues("standard"))

    def try_again(self) -> None:
        """Without parameters, the architecture, the token and the URL stay the same."""
        emulator.step("deploying again")
        url = self.url
        self.equal("a token of the second deployment", "", self.deploy())
        architecture = self.parameters[-1].split("=")[1]
        self.equal("the architecture", architecture, self.parameter("Architecture"))
        binary = (deploy.BUILD / "Function" / "bootstrap").read_bytes()
        self.equal("the binary's machine", MACHINES[architecture], binary[18])
        self.find()
        self.equal("the URL", url, self.url)
        self.works("after the second deployment")

    def try_token(self) -> None:
        """The alias must use the new token, which takes a new version."""
        emulator.step("changing the token")
        url, old, self.token = self.url, self.token, secrets.token_hex(32)
        self.deploy(f"TokenDigests={hashlib.sha256(self.token.encode()).hexdigest()}")
        self.find()
        self.equal("the URL", url, self.url)
        self.works("with the new token")
        sample = local.samples()[0]
        sample.token = old
        self.equal("an answer to the old token", 403, self.post(sample)[0])

    def try_empty(self) -> None:
        emulator.step("emptying a parameter")
        self.equal("before", "someone@example.com", self.parameter("AlarmEmail"))
        self.deploy("AlarmEmail=")
        self.equal("after", "", self.parameter("AlarmEmail"))

    def try_kind(self) -> None:
        """The old queue is retained with its job."""
        emulator.step("changing the kind of queue")
        gradual = ["QueueKind=fifo", "GradualDeployment=canary"]
        self.refused("with gradual deployment", "GradualDeployment=off", self.deploy, *gradual)
        old = self.queue_url
        self.post(local.samples()[0])
        self.deploy("QueueKind=fifo")
        self.find()
        self.equal("the new queue's name", True, self.queue_url.endswith("-jobs.fifo"))
        self.works("on the new queue")
        self.equal("jobs on the old queue", 1, depth(old))

    def try_kind_with_pipe(self) -> None:
        """A pipe's source cannot be changed, so that another pipe is created."""
        emulator.step("changing the kind of queue with the pipe")
        self.refused("with old queues", "empty and delete", self.deploy, "QueueKind=standard")
        sqs = boto3.client("sqs")
        for url in Stack(self.stack).queues("standard"):
            sqs.delete_queue(QueueUrl=url)
        bus = boto3.client("events").create_event_bus(Name="jobs")["EventBusArn"]
        self.deploy(f"EventBusArn={bus}")
        self.equal("pipes", [f"{self.stack}-fifo"], self.pipes())
        self.deploy("QueueKind=standard")
        self.equal("pipes", [self.stack], self.pipes())
        self.deploy("EventBusArn=")
        self.equal("pipes", [], self.pipes())
        self.find()
        self.works("after the last update")

    def pipes(self) -> list[str]:
        return [pipe["Name"] for pipe in boto3.client("pipes").list_pipes()["Pipes"]]

    def try_reconcile(self) -> None:
        """Creates the schedule as a stack of its own. The emulator runs no builds."""
        emulator.step("the schedule of reconcile")
        outputs = Stack.describe(self.stack).outputs
        values = {name: outputs[name] for name in ("QueueUrl", "VaultBucket", "LogGroupName")}
        secret = boto3.client("secretsmanager").create_secret(Name="vendor", SecretString="{}")
        values.update(SecretArn=secret["ARN"], CosBucket="a-1300000001", CosRegion="ap-guangzhou")
        values.update(PackageBucket=self.vault, PackageKey="callbackctl.zip")
        cloudformation, name = boto3.client("cloudformation"), f"{self.stack}-reconcile"
        cloudformation.create_stack(
            StackName=name,
            TemplateBody=(ROOT / "infra" / "reconcile.yaml").read_text(),
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()],
        )
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1}
        )
        timer = boto3.client("scheduler").get_schedule(Name=name)
        started = json.loads(timer["Target"]["Input"])
        self.equal("what the schedule starts", {"ProjectName": name}, started)
        [project] = boto3.client("codebuild").batch_get_projects(names=[name])["projects"]
        reads = outputs["LogGroupName"] in project["source"]["buildspec"]
        self.equal("it reads the function's log", True, reads)
        cloudformation.delete_stack(StackName=name)

    def try_destroy(self) -> None:
        """`make destroy` refuses to lose jobs or workers, and AWS any other deletion."""
        emulator.step("deleting the stack")
        iam, name = boto3.client("iam"), f"{self.stack}-worker"
        policy = Stack.describe(self.stack).outputs["ConsumerPolicyArn"]
        iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
        iam.attach_role_policy(RoleName=name, PolicyArn=policy)
        self.post(local.samples()[0])
        self.refused("with a job waiting", "FORCE=1", self.destroy, "--detach")
        self.refused("with the policy attached", "DETACH=1", self.destroy, "--force")
        self.equal("the policy's users", [("Role", name)], attached(policy))
        found = boto3.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"][0]
        self.equal("termination protection", True, found["EnableTerminationProtection"])
        self.destroy("--force", "--detach")
        # AWS would refuse to delete a policy that is attached, which the emulator does not.
        left = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        self.equal("the role's policies", [], left)
        self.equal("the stack is gone", "", Stack.describe(self.stack).status)
