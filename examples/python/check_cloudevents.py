"""Reads the message on its standard input with the CloudEvents SDK, and prints what that found."""

import json
import sys

from cloudevents.core.bindings.http import HTTPMessage, from_http
from cloudevents.core.formats.json import JSONFormat

message = HTTPMessage({"content-type": "application/cloudevents+json"}, sys.stdin.buffer.read())
# It raises for an attribute that is missing or not as the specification has it.
event = from_http(message, JSONFormat())
print(json.dumps({**event.get_attributes(), "data": event.get_data()}, default=str))
