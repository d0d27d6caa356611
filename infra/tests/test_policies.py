"""The policies to paste: cfn-lint knows their actions, and they allow what the template's parts need."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stacks import ROOT, source
from test_lint import findings

POLICIES = sorted((ROOT / "infra" / "policies").glob("*.json"))
# The services that each type of resource is created by.
SERVICES = {"ApiGatewayV2": "apigateway", "SNS": "sns", "S3": "s3", "Serverless": "lambda"}


def filled_in(path: Path) -> str:
    text = path.read_text().replace("ACCOUNT", "111122223333")
    return text.replace("REGION", "eu-central-1").replace("STACK", "jobs")


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_policies_are_legal(path: Path) -> None:
    document = json.loads(filled_in(path))
    # A managed policy has at most 6,144 characters, white space not counted.
    assert len(json.dumps(document, separators=(",", ":"))) <= 6144
    policy = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}
    assert findings(json.dumps({"Resources": {"Policy": policy}})) == []


def test_who_deploys_may_create_each_type() -> None:
    kinds = {resource["Type"].split("::")[1] for resource in source()["Resources"].values()}
    text = (ROOT / "infra" / "policies" / "deploy.json").read_text()
    for kind in kinds:
        assert f'"{SERVICES.get(kind, kind.lower())}:' in text, kind
