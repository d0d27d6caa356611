// Polls the queue at QUEUE_URL, and prints what jobs made, found or failed at, until Ctrl-C.
//
// `job-record.ts` is generated from the schema: docs/workers.md has the command.

import { DeleteObjectCommand, GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Message } from "./job-record.ts";

// The first element of a body that only says where in the vault the message is.
const POINTER = "software.amazon.payloadoffloading.PayloadS3Pointer";

// `pending` is not an end: another message comes, with another id.
const WANTED = ["succeeded", "partial", "failed"];

// What the job made, found, or failed at.
export function* findings({ data: job }: Message): Generator<string> {
  if (!WANTED.includes(job.outcome)) return;
  for (const { bucket = "?", object } of job.outputs ?? []) yield `${bucket}/${object}`;
  if (job.moderation) {
    yield `verdict ${job.moderation.verdict}`;
    for (const { name, verdict } of job.moderation.scenes ?? []) yield `scene ${name}: ${verdict}`;
  }
  if (job.error) yield `failed: ${job.error.code ?? "?"}`;
  for (const { name = "?", error } of job.tasks ?? []) {
    if (error) yield `task ${name} failed: ${error.code ?? "?"}`;
  }
}

// Put your own work here.
const work = async (message: Message) => {
  for (const line of findings(message)) console.log(`${message.id}: ${line}`);
};

const main = async () => {
  const [sqs, s3] = [new SQSClient({}), new S3Client({})];
  const QueueUrl = process.env.QUEUE_URL;
  // What is done. It ends with this process: where a job must not be worked on twice, use a table
  // that all workers share.
  const done = new Set<string>();

  const take = async (body: string) => {
    let message = JSON.parse(body);
    // An object in the vault belongs to one message: it can go once that is done.
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
        // It is left on the queue: it comes back after the visibility timeout, and is on the
        // dead-letter queue after five times.
        console.error(`message ${MessageId}: ${error}`);
        continue;
      }
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
  }
};

if (import.meta.main) await main();
