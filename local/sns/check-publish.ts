import { invalidParameter } from './errors.ts';
import type { PublishInput } from './published.ts';

const MESSAGE_LIMIT_BYTES = 256 * 1024;

/** https://docs.aws.amazon.com/sns/latest/api/API_Publish.html @throws AwsError `InvalidParameter` */
export function checkPublish({ subject, message, perProtocol }: PublishInput): void {
  if (message === '') throw invalidParameter('Empty message');
  if (Buffer.byteLength(message) > MESSAGE_LIMIT_BYTES) throw invalidParameter('Message too long');
  if (subject !== undefined && !/^\P{Cc}{1,100}$/u.test(subject)) throw invalidParameter('Subject');
  if (perProtocol) checkTexts(message);
}

function checkTexts(message: string): void {
  let texts: unknown;
  try {
    texts = JSON.parse(message);
  } catch {
    throw invalidParameter('Message Structure - JSON message body failed to parse');
  }
  if (typeof (texts as { default?: unknown } | null)?.default !== 'string')
    throw invalidParameter('Message Structure - No default entry in JSON message body');
}
