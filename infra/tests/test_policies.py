"""Tests the policies of docs/operations.md with replaced placeholders."""

from __future__ import annotations

import json
import re
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER as MANAGER

from templates import ROOT, load
from test_lint import lint, rendered

# The permissions that CloudFormation's handlers require only for features that the templates do not use.
UNUSED = re.compile(
    r"(ec2|elasticfilesystem|s3files|s3tables|firehose|kms):|s3:REST|iam:Attach|lambda:PassCapacity"
    r"|lambda:GetLayerVersion|s3:(Put|Delete)Object|s3:\w*Metadata|iam:DetachRolePolicy|s3:getObject"
    r"|logs:DeleteResourcePolicy"
)


def policy(name: str, folder: Path) -> dict[str, Any]:
    """Runs the command of the document, and returns one of the policies that it writes."""
    (folder / "infra").symlink_to(ROOT / "infra")
    text = (ROOT / "docs" / "operations.md").read_text()
    [command] = [
        each for each in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "sed -e" in each
    ]
    subprocess.run(["sh", "-eu", "-c", command], cwd=folder, check=True)
    filled = (folder / f"{name}.json").read_text()
    assert not re.findall(r"ACCOUNT|REGION|STACK", filled)
    return json.loads(filled)


@pytest.mark.parametrize("name", ["deploy", "operate"])
def test_policies_are_valid(name: str, tmp_path: Path) -> None:
    document = policy(name, tmp_path)
    # IAM's size limit for a managed policy, without whitespace.
    assert len(json.dumps(document, separators=(",", ":"))) <= 6144
    resource = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}
    lint({"Resources": {"Policy": resource}})


@pytest.mark.parametrize("template", ["template.yaml", "reconcile.yaml"])
def test_the_deploy_policy_allows_what_cloudformation_calls(template: str, tmp_path: Path) -> None:
    """CloudFormation uses the permissions of the caller. Its schemas list the required permissions of each type."""
    actions = [statement["Action"] for statement in policy("deploy", tmp_path)["Statement"]]
    allowed = " ".join(
        each if isinstance(each, str) else " ".join(each) for each in actions
    ).split()
    resources = rendered(load(ROOT / "infra" / template), {})["Resources"].values()
    needed: set[str] = set()
    for kind in {resource["Type"] for resource in resources}:
        handlers = MANAGER.get_resource_schema("eu-central-1", kind).schema["handlers"]
        for name in {"create", "read", "update", "delete"} & set(handlers):
            needed.update(handlers[name]["permissions"])
    used = [each for each in needed if not UNUSED.match(each)]
    assert len(used) > 50
    # One of the permissions begins with `S3:`.
    assert [
        each for each in used if not any(fnmatch(each.lower(), a.lower()) for a in allowed)
    ] == []
