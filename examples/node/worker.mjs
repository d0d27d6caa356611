// A Lambda function behind the queue: prints what jobs made, found or failed at.
//
// Environment: SEEN_TABLE, a DynamoDB table with the partition key `id` and `expiration` as its TTL.

import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import { IdempotencyConfig, makeIdempotent } from "@aws-lambda-powertools/idempotency";
import { DynamoDBPersistenceLayer } from "@aws-lambda-powertools/idempotency/dynamodb";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";

// The first element of a body that only says where in the vault the message is.
const POINTER = "software.amazon.payloadoffloading.PayloadS3Pointer";

// How long a repeat is known. The vendor's come within a day; a replay may come later.
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
  // What runs out of time is not taken for done.
  byId.registerLambdaContext(context);
  // One after the other: two of the same id in one batch would get in each other's way.
  return processPartialResponse(event, take, processor, { context, processInParallel: false });
};

// Handles one message. What it throws brings this message back, and no other of the batch.
const take = async (record) => {
  if (isWanted(record.messageAttributes)) {
    await work(await read(record.body));
  }
};

// Looks at the attributes alone: what is not wanted need not be parsed.
// `pending` is not an end: another message comes, with another id.
const isWanted = ({ outcome }) => ["succeeded", "partial", "failed"].includes(outcome.stringValue);

// The event, fetched from the vault where it was too large for the queue.
const read = async (body) => {
  const event = JSON.parse(body);
  if (event[0] !== POINTER) return event;
  const { s3BucketName: Bucket, s3Key: Key } = event[1];
  const stored = await s3.send(new GetObjectCommand({ Bucket, Key }));
  return JSON.parse(await stored.Body.transformToString());
};

// Runs once for each `id`; again only if it threw.
const work = makeIdempotent(
  async ({ id, data }) => {
    for (const line of findings(data)) console.log(`${id}: ${line}`);
  },
  { persistenceStore: seen, config: byId },
);

// What the job made, found, or failed at.
function* findings({ outputs = [], moderation, error, tasks = [] }) {
  for (const { bucket = "?", object } of outputs) yield `${bucket}/${object}`;
  if (moderation) {
    yield `verdict ${moderation.verdict}`;
    for (const { name, verdict } of moderation.scenes ?? []) yield `scene ${name}: ${verdict}`;
  }
  if (error) yield `failed: ${error.code ?? "?"}`;
  for (const { name = "?", error } of tasks) {
    if (error) yield `task ${name} failed: ${error.code ?? "?"}`;
  }
}
