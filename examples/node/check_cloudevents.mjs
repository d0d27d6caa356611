// Reads the message on its standard input with the CloudEvents SDK, and prints what that found.

import { readFileSync } from "node:fs";
import { HTTP } from "cloudevents";

const headers = { "content-type": "application/cloudevents+json" };
const event = HTTP.toEvent({ headers, body: readFileSync(0, "utf8") });
// It throws for an attribute that is missing or not as the specification has it.
event.validate();
console.log(JSON.stringify(event));
