// Processes a message: prints the outputs, findings and errors of the job.
//
// `job-record.ts` is generated from the schema with the command in docs/workers.md.

import type { Message } from "./job-record.ts";

// Replace this function with your code. If it throws, SQS delivers the message again.
export const work = async (message: Message) => {
  for (const finding of findings(message)) console.log(escaped(`${message.id}: ${finding}`));
};

// Escapes control characters, because a key may contain a line feed.
const escaped = (text: string) =>
  text.replace(/\p{Cc}/gu, (found) => `\\u{${found.codePointAt(0)?.toString(16)}}`);

// Yields the outcome of the job with its outputs, findings and errors.
function* findings({ data: job }: Message): Generator<string> {
  yield `outcome ${job.outcome}`;
  for (const { bucket = "?", object } of job.outputs ?? []) yield `${bucket}/${object}`;
  if (job.inspection?.suspicious) yield "suspicious image";
  if (job.moderation) {
    yield `verdict ${job.moderation.verdict}`;
    for (const { name, verdict } of job.moderation.scenes ?? []) yield `scene ${name}: ${verdict}`;
  }
  if (job.error) yield `failed: ${job.error.code ?? "?"}`;
  for (const { path, code = "?" } of job.problems ?? []) yield `problem ${path}: ${code}`;
  for (const { name = "?", error } of job.tasks ?? []) {
    if (error) yield `task ${name} failed: ${error.code ?? "?"}`;
  }
}
