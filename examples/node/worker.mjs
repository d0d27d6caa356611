// A Lambda function that the queue invokes: prints what jobs made, found or failed at.
//
// Environment: SEEN_TABLE, a DynamoDB table with the partition key `id` and `expiration` as its TTL.

import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import { IdempotencyConfig, makeIdempotent } from "@aws-lambda-powertools/idempotency";
import { DynamoDBPersistenceLayer } from "@aws-lambda-powertools/idempotency/dynamodb";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";

// The first element of a body that is a pointer to a message in the vault.
const POINTER = "software.amazon.payloadoffloading.PayloadS3Pointer";

// The version of the schema that this worker is for.
const SCHEMA = "urn:cloud-infinite-callback:job-record:1";

// How long ids are remembered. Tencent's retries come within a day; a replay may come later.
const SEEN_SECONDS = 14 * 24 * 3600;

const s3 = new S3Client({});
const processor = new BatchProcessor(EventType.SQS);
const seen = new DynamoDBPersistenceLayer({ tableName: process.env.SEEN_TABLE });
const byId = new IdempotencyConfig({
  eventKeyJmesPath: "id",
  throwOnNoIdempotencyKey: true,
  expiresAfterSeconds: SEEN_SECONDS,
});

export const handler = async (event, context) => {
  // A message that runs out of time does not count as processed.
  byId.registerLambdaContext(context);
  // Not in parallel: two messages with the same id in one batch would fail.
  return processPartialResponse(event, take, processor, { context, processInParallel: false });
};

// Processes one message. If it throws, SQS delivers this message again, and no other of the batch.
const take = async (record) => {
  if (isWanted(record.messageAttributes)) {
    const event = await read(record.body);
    if (event.dataschema !== SCHEMA) throw new Error(`dataschema is not ${SCHEMA}`);
    await work(event);
  }
};

// Reads the attributes only: other messages need not be parsed.
// Not `pending`: another message follows, with another id.
const isWanted = ({ outcome }) => ["succeeded", "partial", "failed"].includes(outcome.stringValue);

// Returns the event, from the vault if the body is a pointer.
const read = async (body) => {
  const event = JSON.parse(body);
  if (event[0] !== POINTER) return event;
  const { s3BucketName: Bucket, s3Key: Key } = event[1];
  const stored = await s3.send(new GetObjectCommand({ Bucket, Key }));
  return JSON.parse(await stored.Body.transformToString());
};

// Runs once for each `id`, and again only if it threw. Replace it by your own work.
const work = makeIdempotent(
  async ({ id, data }) => {
    for (const line of findings(data)) console.log(escaped(`${id}: ${line}`));
  },
  { persistenceStore: seen, config: byId },
);

// Escapes control characters: a key with a line feed must not write a line of its own.
const escaped = (text) => text.replace(/\p{Cc}/gu, (found) => `\\u{${found.codePointAt(0).toString(16)}}`);

// Yields the outcome of the job, and what it made, found or failed at.
function* findings({ outcome, outputs = [], inspection, moderation, error, problems = [], tasks = [] }) {
  yield `outcome ${outcome}`;
  for (const { bucket = "?", object } of outputs) yield `${bucket}/${object}`;
  if (inspection?.suspicious) yield "suspicious image";
  if (moderation) {
    yield `verdict ${moderation.verdict}`;
    for (const { name, verdict } of moderation.scenes ?? []) yield `scene ${name}: ${verdict}`;
  }
  if (error) yield `failed: ${error.code ?? "?"}`;
  for (const { path, code = "?" } of problems) yield `problem ${path}: ${code}`;
  for (const { name = "?", error } of tasks) {
    if (error) yield `task ${name} failed: ${error.code ?? "?"}`;
  }
}
