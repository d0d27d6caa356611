"""Alarms and the dashboard use metrics that exist, and alarms say what to do."""

from __future__ import annotations

import json
import re
from typing import Any

from stacks import CONTRACT, Stack, text_of

OURS = CONTRACT["metrics"]
# The metrics and dimensions of each namespace.
METRICS = {
    OURS["namespace"]: ({*OURS["names"]}, {*OURS["dimensions"]}),
    "AWS/Lambda": (
        {"Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"},
        {"FunctionName"},
    ),
    "AWS/SQS": (
        {
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfMessagesVisible",
            "ApproximateNumberOfMessagesNotVisible",
        },
        {"QueueName"},
    ),
    "AWS/S3": ({"BucketSizeBytes", "NumberOfObjects"}, {"BucketName", "StorageType"}),
}
# In these cases only the vendor has the job, so the texts must name `callbackctl reconcile`.
LOSING = ("ErrorsAlarm", "ThrottlesAlarm", "VaultFailuresAlarm", "SilenceAlarm")


def alarms(stack: Stack) -> dict[str, dict[str, Any]]:
    return stack.of_type("AWS::CloudWatch::Alarm")


def assert_exists(namespace: str, metric: str, dimensions: list[str]) -> None:
    metrics, known = METRICS[namespace]
    assert metric in metrics
    assert dimensions and known.issuperset(dimensions)


def test_alarms_use_metrics_that_exist(stack: Stack) -> None:
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
    for name, alarm in alarms(stack).items():
        assert alarm["TreatMissingData"] == (
            "breaching" if name == "SilenceAlarm" else "notBreaching"
        )
        if name == "SilenceAlarm":
            # PutMetricAlarm: periods of an hour or more may evaluate at most seven days.
            assert alarm["Period"] == 3600
            assert stack.source["Parameters"]["SilenceAlarmHours"]["MaxValue"] <= 7 * 24


def test_alarms_say_what_to_do(stack: Stack) -> None:
    for name, alarm in alarms(stack).items():
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
        text = text_of(alarm["AlarmDescription"])
        # The limit is 1024, and names are longer than the variables that stand for them.
        assert 100 < len(text) < 900
        command = "`callbackctl reconcile --bucket NAME-APPID --region R --log-group"
        assert (command in text) == (name in LOSING)


def test_the_dashboard_uses_metrics_that_exist(stack: Stack) -> None:
    [board] = stack.of_type("AWS::CloudWatch::Dashboard").values()
    text = re.sub(r"\$\{(?!!)[^}]*\}", "1", text_of(board["DashboardBody"])).replace("${!", "${")
    for widget in json.loads(text)["widgets"]:
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[0], dict):
                search = r"\{(\S+?),(\S+)\} MetricName=\"(\w+)\""
                namespace, names, name = re.search(search, metric[0]["expression"]).groups()
                assert_exists(namespace, name, names.split(","))
            else:
                namespace, name, *names = [part for part in metric if isinstance(part, str)]
                assert_exists(namespace, name, names[::2])
