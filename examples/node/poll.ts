// Polls the queue at QUEUE_URL and processes its messages, until Ctrl-C.

import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Message } from "./job-record.ts";
import { work } from "./work.ts";

// The first element of a body that refers to a message in the vault.
const POINTER = "software.amazon.payloadoffloading.PayloadS3Pointer";

// The version of the schema of the types.
const SCHEMA: Message["dataschema"] = "urn:cloud-infinite-callback:job-record:1";

const QueueUrl = process.env.QUEUE_URL;
if (!QueueUrl) {
  console.error("poll.ts: QUEUE_URL is not set");
  process.exit(1);
}

const sqs = new SQSClient({});
const s3 = new S3Client({});

// The ids of processed messages. They are lost when this process exits. If a job must not be processed twice,
// use a table that all workers share.
const done = new Set<string>();

// `pending` is not included: another message follows, with another id.
const WANTED = ["succeeded", "partial", "failed"];

// Processes a message, but each `id` only once. The object of a pointer expires in the vault.
const take = async (body: string) => {
  let message: unknown = JSON.parse(body);
  const [kind, pointer] = Array.isArray(message) ? message : [];
  if (kind === POINTER) {
    const { s3BucketName: Bucket, s3Key: Key } = pointer;
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    message = JSON.parse((await Body?.transformToString()) ?? "");
  }
  if (!isMessage(message)) throw new Error(`dataschema is not ${SCHEMA}`);
  if (!done.has(message.id)) {
    await work(message);
    done.add(message.id);
  }
};

// Checks only the version of the schema: the function's tests validate its messages.
const isMessage = (value: unknown): value is Message =>
  value instanceof Object && "dataschema" in value && value.dataschema === SCHEMA;

while (true) {
  // An error is final, because the SDK has already retried. Let a supervisor restart the program.
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: 20,
      MessageAttributeNames: ["All"],
    }),
  );
  for (const { MessageId, Body = "", ReceiptHandle, MessageAttributes } of Messages) {
    try {
      const outcome = MessageAttributes?.outcome?.StringValue;
      if (!outcome) throw new Error("no attribute outcome");
      // Other messages are not parsed.
      if (WANTED.includes(outcome)) await take(Body);
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    } catch (error) {
      // SQS delivers it again after the visibility timeout, and moves it to the dead-letter queue after five
      // receives. A syntax error quotes the message, which may contain secrets.
      console.error(`message ${MessageId}: ${error instanceof SyntaxError ? "not JSON" : error}`);
    }
  }
}
