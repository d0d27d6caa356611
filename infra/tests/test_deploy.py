"""What `deploy.py` does before it calls SAM."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import deploy


@pytest.fixture
def quota(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    limits = {"ConcurrentExecutions": 1000}
    client = SimpleNamespace(
        meta=SimpleNamespace(region_name="eu-central-1"),
        get_account_settings=lambda: {"AccountLimit": limits},
    )
    monkeypatch.setattr(deploy.boto3, "client", lambda _: client)
    monkeypatch.setattr(deploy, "describe", lambda _: None)
    return limits


def test_it_warns_of_a_low_quota_and_of_silent_alarms(quota: dict[str, int]) -> None:
    assert list(deploy.warnings({"AlarmEmail": "someone@example.com"})) == []
    [silent] = deploy.warnings({"AlarmEmail": ""})
    assert "AlarmEmail" in silent
    quota["ConcurrentExecutions"] = 50
    [low] = deploy.warnings({"AlarmTopicArn": "arn"})
    assert "MaximumConcurrency" in low and "only 50" in low


@pytest.mark.usefixtures("quota")
def test_no_token_is_printed_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="TokenDigests is required"):
        deploy.main(["--stack", "jobs"])
    assert "token" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["Jobs", "1jobs", "jobs_1", "a" * 38, ""])
def test_names_that_aws_would_change_or_refuse_are_refused(name: str) -> None:
    assert deploy.STACK_NAME.fullmatch("a" * 37)
    with pytest.raises(SystemExit, match="name must match"):
        deploy.main(["--stack", name])


@pytest.mark.parametrize(
    ("deployed", "given", "expected"),
    [
        (None, {}, False),
        (None, {"FrontDoor": "http-api"}, True),
        ({"FrontDoor": "http-api"}, {}, True),
        # As deployed with the template that has no FrontDoor.
        ({}, {}, True),
        ({}, {"FrontDoor": "url"}, False),
    ],
)
def test_the_front_door_stays_as_it_is(deployed: dict, given: dict, expected: bool) -> None:
    assert deploy.is_http_api(deployed, given) is expected
