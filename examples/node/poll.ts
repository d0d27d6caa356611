// Polls the queue at QUEUE_URL and works on its messages, until Ctrl-C.

import { DeleteObjectCommand, GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { work } from "./work.ts";

// The first element of a body that is a pointer to a message in the vault.
const POINTER = "software.amazon.payloadoffloading.PayloadS3Pointer";

const sqs = new SQSClient({});
const s3 = new S3Client({});
const QueueUrl = process.env.QUEUE_URL;

// The ids of processed messages. They are lost with this process: if a job must not be processed
// twice, use a table that all workers share.
const done = new Set<string>();

const take = async (body: string) => {
  let message = JSON.parse(body);
  const [kind, place] = Array.isArray(message) ? message : [];
  const stored = kind === POINTER && { Bucket: place.s3BucketName, Key: place.s3Key };
  if (stored) {
    const { Body } = await s3.send(new GetObjectCommand(stored));
    message = JSON.parse((await Body?.transformToString()) ?? "");
  }
  if (!done.has(message.id)) {
    await work(message);
    done.add(message.id);
  }
  // The object belongs to this message alone.
  if (stored) await s3.send(new DeleteObjectCommand(stored));
};

while (true) {
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
      await take(Body);
    } catch (error) {
      // SQS delivers it again after the visibility timeout, and moves it to the dead-letter queue
      // after five times.
      console.error(`message ${MessageId}: ${error}`);
      continue;
    }
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  }
}
