"""Alarms and the dashboard look at metrics that exist, and alarms say what to do."""

from __future__ import annotations

import json
import re
from typing import Any

from stacks import CONTRACT, Stack, text_of

OURS = CONTRACT["metrics"]
# Each namespace with its metrics and its dimensions.
METRICS = {
    OURS["namespace"]: (OURS["names"], OURS["dimensions"]),
    "AWS/Lambda": (
        ["Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"],
        ["FunctionName"],
    ),
    "AWS/SQS": (
        [
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfMessagesVisible",
            "ApproximateNumberOfMessagesNotVisible",
        ],
        ["QueueName"],
    ),
    "AWS/S3": (["BucketSizeBytes", "NumberOfObjects"], ["BucketName", "StorageType"]),
}
# Without these words an alarm would be about a job that is lost, and name no way to find it.
LOSING = ("ErrorsAlarm", "ThrottlesAlarm", "VaultFailuresAlarm", "SilenceAlarm")


def assert_exists(namespace: str, metric: str, dimensions: list[str]) -> None:
    metrics, known = METRICS[namespace]
    assert metric in metrics
    assert dimensions
    assert set(dimensions) <= set(known)


def alarms(stack: Stack) -> dict[str, dict[str, Any]]:
    return stack.of_type("AWS::CloudWatch::Alarm")


def test_alarms_look_at_metrics_that_exist(stack: Stack) -> None:
    for alarm in alarms(stack).values():
        names = [dimension["Name"] for dimension in alarm["Dimensions"]]
        assert_exists(alarm["Namespace"], alarm["MetricName"], names)


def test_nothing_fails_without_an_alarm(stack: Stack) -> None:
    expected = {*OURS["errors"], "AuthFailures", "Errors", "Throttles", "Duration", "Invocations"}
    expected |= {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"}
    if stack.parameters["SilenceAlarmHours"] != "0":
        expected.add("RecordsPublished")
    assert {alarm["MetricName"] for alarm in alarms(stack).values()} == expected


def test_silence(stack: Stack) -> None:
    """Missing data raises the alarm on silence and no other."""
    for name, alarm in alarms(stack).items():
        expected = "breaching" if name == "SilenceAlarm" else "notBreaching"
        assert alarm["TreatMissingData"] == expected
    for name in {"SilenceAlarm"} & set(alarms(stack)):
        # PutMetricAlarm: an hour or more, for a period of up to seven days in all.
        assert alarms(stack)[name]["Period"] == 3600
        assert stack.source["Parameters"]["SilenceAlarmHours"]["MaxValue"] * 3600 <= 604800


def test_alarms_say_what_to_do(stack: Stack) -> None:
    for name, alarm in alarms(stack).items():
        text = text_of(alarm["AlarmDescription"])
        assert len(re.findall(r"[.;:] ", text)) >= 1
        # The limit is 1024; the names that are put in are longer than their variables.
        assert len(text) < 900
        assert ("`callbackctl reconcile --bucket NAME-APPID --region R --log-group" in text) == (
            name in LOSING
        )


def test_alarms_notify(stack: Stack) -> None:
    for alarm in alarms(stack).values():
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]


def test_the_dashboard_shows_metrics_that_exist(stack: Stack) -> None:
    [board] = stack.of_type("AWS::CloudWatch::Dashboard").values()
    [text, _] = board["DashboardBody"]["Fn::Sub"]
    text = re.sub(r"\$\{(?!!)[^}]*\}", "1", text).replace("${!", "${")
    for widget in json.loads(text)["widgets"]:
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[0], dict):
                expression = metric[0]["expression"]
                namespace, names, name = re.search(
                    r"\{(\S+?),(\S+)\} MetricName=\"(\w+)\"", expression
                ).groups()
                assert_exists(namespace, name, names.split(","))
            else:
                namespace, name, *names = [part for part in metric if isinstance(part, str)]
                assert_exists(namespace, name, names[::2])
