"""Reads a message from standard input with the CloudEvents SDK and prints the parsed event."""

import json
import sys

from cloudevents.core.bindings.http import HTTPMessage, from_http
from cloudevents.core.formats.json import JSONFormat

message = HTTPMessage({"content-type": "application/cloudevents+json"}, sys.stdin.buffer.read())
# Raises if an attribute is missing or does not follow the specification.
event = from_http(message, JSONFormat())
print(json.dumps({**event.get_attributes(), "data": event.get_data()}, default=str))
