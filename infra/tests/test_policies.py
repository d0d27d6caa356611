"""The policies of docs/operations.md, as its command fills them in."""

from __future__ import annotations

import json
import re
import subprocess
from fnmatch import fnmatchcase

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from templates import ROOT, TEMPLATE, load
from test_lint import lint, rendered

# What the handlers of CloudFormation call only for features that the template does not use.
UNUSED = re.compile(
    r"(ec2|elasticfilesystem|s3files|s3tables|firehose|kms):|s3:REST|iam:Attach|lambda:PassCapacity"
    r"|lambda:GetLayerVersion|s3:(Put|Delete)Object|s3:\w*Metadata|iam:DetachRolePolicy|s3:getObject"
    r"|logs:DeleteResourcePolicy"
)


@pytest.fixture(scope="module", params=["deploy", "operate"])
def policy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Runs the command of the document, and returns a policy that it wrote."""
    folder = tmp_path_factory.mktemp("policies")
    (folder / "infra").symlink_to(ROOT / "infra")
    blocks = re.findall(
        r"```sh\n(.*?)```", (ROOT / "docs" / "operations.md").read_text(), re.DOTALL
    )
    [command] = [block for block in blocks if "sed -e" in block]
    subprocess.run(["sh", "-eu", "-c", command], cwd=folder, check=True)
    text = (folder / f"{request.param}.json").read_text()
    assert not re.findall(r"ACCOUNT|REGION|STACK", text)
    return json.loads(text)


def test_policies_are_valid(policy: dict) -> None:
    # IAM's limit for a managed policy, white space not counted.
    assert len(json.dumps(policy, separators=(",", ":"))) <= 6144
    resource = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": policy}}
    lint({"Resources": {"Policy": resource}})


@pytest.mark.parametrize("policy", ["deploy"], indirect=True)
def test_who_deploys_may_do_what_cloudformation_does(policy: dict) -> None:
    """CloudFormation acts with the rights of the caller. Its schemas list the calls of each type."""
    allowed = [
        action
        for statement in policy["Statement"]
        for action in (
            [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        )
    ]
    kinds = {
        each["Type"]
        for each in rendered(load(TEMPLATE), {"TokenDigests": "0" * 64})["Resources"].values()
    }
    schemas = [
        PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-central-1", kind).schema for kind in kinds
    ]
    needed = {
        action
        for schema in schemas
        for handler in ("create", "read", "update", "delete")
        for action in schema["handlers"].get(handler, {}).get("permissions", [])
        if not UNUSED.match(action)
    }
    assert len(needed) > 100
    missing = {
        each
        for each in needed
        if not any(fnmatchcase(each.lower(), one.lower()) for one in allowed)
    }
    assert missing == set()
