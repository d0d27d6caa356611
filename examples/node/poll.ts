// Polls the queue at QUEUE_URL and works on its messages, until Ctrl-C.

import { DeleteObjectCommand, GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Message } from "./job-record.ts";
import { work } from "./work.ts";

// The first element of a body that is a pointer to a message in the vault.
const POINTER = "software.amazon.payloadoffloading.PayloadS3Pointer";

// The version of the schema that the types are of.
const SCHEMA: Message["dataschema"] = "urn:cloud-infinite-callback:job-record:1";

const QueueUrl = process.env.QUEUE_URL;
if (!QueueUrl) {
  console.error("poll.ts: QUEUE_URL is not set");
  process.exit(1);
}

const sqs = new SQSClient({});
const s3 = new S3Client({});

// The ids of processed messages. They are lost with this process: if a job must not be processed
// twice, use a table that all workers share.
const done = new Set<string>();

// Processes a message, and deletes it.
const take = async (body: string, ReceiptHandle?: string) => {
  let message: unknown = JSON.parse(body);
  const [kind, place] = Array.isArray(message) ? message : [];
  const stored = kind === POINTER && { Bucket: place.s3BucketName, Key: place.s3Key };
  if (stored) {
    const { Body } = await s3.send(new GetObjectCommand(stored));
    message = JSON.parse((await Body?.transformToString()) ?? "");
  }
  if (!isMessage(message)) throw new Error(`expected the dataschema ${SCHEMA}`);
  if (!done.has(message.id)) {
    await work(message);
    done.add(message.id);
  }
  await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  // Last: a message that is delivered again needs its object.
  if (stored) await s3.send(new DeleteObjectCommand(stored));
};

// Checks only the version of the schema: the function's tests validate its messages.
const isMessage = (value: unknown): value is Message =>
  value instanceof Object && "dataschema" in value && value.dataschema === SCHEMA;

while (true) {
  // If it fails, the SDK has tried again. Let a supervisor restart the program.
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: 20,
      MessageAttributeNames: ["All"],
    }),
  );
  for (const { MessageId, Body = "", ReceiptHandle } of Messages) {
    try {
      await take(Body, ReceiptHandle);
    } catch (error) {
      // SQS delivers it again after the visibility timeout, and moves it to the dead-letter queue
      // after five times. A syntax error quotes the message, which may hold secrets.
      console.error(`message ${MessageId}: ${error instanceof SyntaxError ? "not JSON" : error}`);
    }
  }
}
