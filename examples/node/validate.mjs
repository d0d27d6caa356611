// Reads messages, one on each line, and prints the ids of those that the schema refuses: the complete
// message, or its `data` by the schema that `dataschema` names.

import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";

const ajv = new Ajv2020();
formats.default(ajv);
const schema = JSON.parse(readFileSync("../../schema/job-record.v1.schema.json", "utf8"));
ajv.addSchema(schema);

for (const line of readFileSync(0, "utf8").trim().split("\n")) {
  const message = JSON.parse(line);
  const isValid = ajv.getSchema(schema.$id)(message) && ajv.getSchema(message.dataschema)(message.data);
  if (!isValid) console.log(message.id);
}
