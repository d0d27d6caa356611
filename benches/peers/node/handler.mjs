// The Node peer: authenticates a callback, parses it, and sends each job as parsed.
//
// It does not normalize, and has neither a vault nor a time budget. The client is created once, and
// keeps its connections open: the SDK's default.

import { createHash, timingSafeEqual } from "node:crypto";
import { SendMessageBatchCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { XMLParser } from "fast-xml-parser";

const MAX_BATCH_ENTRIES = 10;

const QUEUE_URL = process.env.QUEUE_URL;
const TOKEN_SHA256 = Buffer.from(process.env.CALLBACK_TOKEN_SHA256, "hex");
// Without its MD5 check of each response, which the measured function does not have either.
const sqs = new SQSClient({ md5: false });
// Numbers keep their digits.
const parser = new XMLParser({ parseTagValue: false });

export async function handle(event) {
  const token = event.rawPath.slice(event.rawPath.lastIndexOf("/") + 1);
  const digest = createHash("sha256").update(token).digest();
  if (!timingSafeEqual(digest, TOKEN_SHA256)) {
    return { statusCode: 403 };
  }
  const body = Buffer.from(event.body ?? "", event.isBase64Encoded ? "base64" : "utf8").toString();
  const messages = jobs(body).map((job) => JSON.stringify(job));
  await publish(messages);
  return { statusCode: 200, body: JSON.stringify({ accepted: messages.length }) };
}

/** Returns the jobs of a callback, in XML or JSON. */
function jobs(body) {
  const isJson = body.trimStart().startsWith("{");
  const found = isJson ? JSON.parse(body).JobsDetail : parser.parse(body).Response.JobsDetail;
  return Array.isArray(found) ? found : [found];
}

/** Sends one message per job: a single one in one call, several in batches. */
async function publish(messages) {
  if (messages.length === 1) {
    await sqs.send(new SendMessageCommand({ QueueUrl: QUEUE_URL, MessageBody: messages[0] }));
    return;
  }
  for (let begin = 0; begin < messages.length; begin += MAX_BATCH_ENTRIES) {
    const batch = messages.slice(begin, begin + MAX_BATCH_ENTRIES);
    const Entries = batch.map((MessageBody, number) => ({ Id: String(number), MessageBody }));
    const { Failed } = await sqs.send(new SendMessageBatchCommand({ QueueUrl: QUEUE_URL, Entries }));
    if (Failed?.length) {
      throw new Error(`${Failed.length} messages were not accepted`);
    }
  }
}
