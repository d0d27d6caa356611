"""Tests the code of `deploy.py` that runs before SAM."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import deploy


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """The account's quotas. No stack exists."""
    found = {"ConcurrentExecutions": 1000}
    client = SimpleNamespace(get_account_settings=lambda: {"AccountLimit": found})
    monkeypatch.setattr(deploy.boto3, "client", lambda _: client)
    monkeypatch.setattr(deploy, "describe", lambda _: {})
    return found


def test_it_warns_of_a_low_quota_and_of_silent_alarms(limits: dict[str, int]) -> None:
    assert list(deploy.warnings({"AlarmEmail": "someone@example.com"})) == []
    [silent] = deploy.warnings({"AlarmEmail": ""})
    assert "AlarmEmail" in silent
    limits["ConcurrentExecutions"] = 50
    [low] = deploy.warnings({"AlarmTopicArn": "arn"})
    assert "MaximumConcurrency" in low


def test_no_token_is_printed_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="TokenDigests is required"):
        deploy.main(["--stack", "jobs"])
    assert "token" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["Jobs", "1jobs", "jobs_1", "a" * 38])
def test_names_that_aws_would_change_or_refuse_are_refused(name: str) -> None:
    assert deploy.STACK_NAME.fullmatch("a" * 37)
    with pytest.raises(SystemExit, match="name must match"):
        deploy.main(["--stack", name])
