"""The policies to paste: IAM accepts them, and who deploys may create every type of resource."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stacks import ROOT, source
from test_lint import lint

POLICIES = sorted((ROOT / "infra" / "policies").glob("*.json"))
# The service that creates a type of resource, where its name differs.
SERVICES = {"ApiGatewayV2": "apigateway", "Serverless": "lambda"}


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_policies_are_valid(path: Path) -> None:
    text = path.read_text().replace("ACCOUNT", "111122223333")
    document = json.loads(text.replace("REGION", "eu-central-1").replace("STACK", "jobs"))
    # IAM's limit for a managed policy, white space not counted.
    assert len(json.dumps(document, separators=(",", ":"))) <= 6144
    policy = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}
    lint({"Resources": {"Policy": policy}})


def test_who_deploys_may_create_each_type() -> None:
    text = (ROOT / "infra" / "policies" / "deploy.json").read_text()
    for resource in source()["Resources"].values():
        kind = resource["Type"].split("::")[1]
        assert f'"{SERVICES.get(kind, kind.lower())}:' in text, kind
