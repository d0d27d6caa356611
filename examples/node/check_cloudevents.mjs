// Reads a message from standard input with the CloudEvents SDK and prints the parsed event.

import { readFileSync } from "node:fs";
import { HTTP } from "cloudevents";

const headers = { "content-type": "application/cloudevents+json" };
const event = HTTP.toEvent({ headers, body: readFileSync(0, "utf8") });
// Throws if an attribute is missing or does not follow the specification.
event.validate();
console.log(JSON.stringify(event));
