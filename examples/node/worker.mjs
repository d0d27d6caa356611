// A Lambda function that the queue invokes: prints the outputs, findings and errors of jobs.
//
// Environment: SEEN_TABLE, a DynamoDB table with the partition key `id` and `expiration` as its TTL.

import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import { IdempotencyConfig, makeIdempotent } from "@aws-lambda-powertools/idempotency";
import { DynamoDBPersistenceLayer } from "@aws-lambda-powertools/idempotency/dynamodb";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";

// The first element of a body that refers to a message in the vault.
const POINTER = "software.amazon.payloadoffloading.PayloadS3Pointer";

// The supported version of the schema.
const SCHEMA = "urn:cloud-infinite-callback:job-record:1";

// The time for which ids are stored. Tencent retries for a day, but replays may arrive later.
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
  // A message that exceeds the timeout is not regarded as processed.
  byId.registerLambdaContext(context);
  // Messages are not processed in parallel, because two messages with the same id in one batch would fail.
  return processPartialResponse(event, take, processor, { context, processInParallel: false });
};

// Processes one message. If it throws, SQS redelivers only this message of the batch.
const take = async (record) => {
  if (isWanted(record.messageAttributes)) {
    const event = await read(record.body);
    if (event.dataschema !== SCHEMA) throw new Error(`dataschema is not ${SCHEMA}`);
    await work(event);
  }
};

// Reads only the attributes, so that other messages are not parsed. `pending` is not included: another message
// follows, with another id.
const isWanted = ({ outcome }) => ["succeeded", "partial", "failed"].includes(outcome.stringValue);

// Returns the event, from the vault if the body is a pointer.
const read = async (body) => {
  const event = JSON.parse(body);
  if (event[0] !== POINTER) return event;
  const { s3BucketName: Bucket, s3Key: Key } = event[1];
  const stored = await s3.send(new GetObjectCommand({ Bucket, Key }));
  return JSON.parse(await stored.Body.transformToString());
};

// Runs once for each `id`, and again only after an exception. Replace this function with your code.
const work = makeIdempotent(
  async ({ id, data }) => {
    for (const line of findings(data)) console.log(escaped(`${id}: ${line}`));
  },
  { persistenceStore: seen, config: byId },
);

// Escapes control characters, because a key may contain a line feed.
const escaped = (text) => text.replace(/\p{Cc}/gu, (found) => `\\u{${found.codePointAt(0).toString(16)}}`);

// Yields the outcome of the job with its outputs, findings and errors.
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
