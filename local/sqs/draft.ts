import { AwsError } from '../kernel/errors.ts';
import { invalidParameter, invalidValue, missingParameter } from './errors.ts';
import { attributesSizeBytes, type MessageAttributes, parseMessageAttributes } from './message-attributes.ts';
import type { Draft } from './messages.ts';
import type { Parameters } from './parameters.ts';
import type { Queue } from './queue.ts';
import { MAX_DELAY_SECONDS } from './queue-attributes.ts';

/** A message as a request gives it, its parameters read but not yet checked against the queue. */
export interface RawDraft {
  readonly body: string;
  readonly delaySeconds: number | undefined;
  readonly attributes: MessageAttributes;
  /** `AWSTraceHeader` or nothing. */
  readonly systemAttributes: MessageAttributes;
  readonly traceHeader: string | undefined;
  readonly groupId: string | undefined;
  readonly sizeBytes: number;
}

// XML's characters; what JSON can carry beyond them (control characters, lone surrogates) SQS refuses.
const ALLOWED_BODY = /^[\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]*$/u;
const GROUP_ID = /^[A-Za-z0-9!"#$%&'()*+,./:;<=>?@[\\\]^_`{|}~-]{1,128}$/;

/**
 * @param requestTrace the request's own trace header, for a message that names none, and part of no size or digest.
 * https://docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html
 * @throws AwsError for what no queue takes
 */
export function readDraft(parameters: Parameters, requestTrace?: string): RawDraft {
  const body = parameters.text('MessageBody');
  const delaySeconds = parameters.optionalInteger('DelaySeconds');
  const attributes = parseMessageAttributes(parameters.object('MessageAttributes') ?? {});
  const system = parseMessageAttributes(parameters.object('MessageSystemAttributes') ?? {});
  const groupId = parameters.optionalText('MessageGroupId');
  const deduplicationId = parameters.optionalText('MessageDeduplicationId');
  parameters.done();
  if (deduplicationId !== undefined)
    throw invalidValue(
      'MessageDeduplicationId',
      deduplicationId,
      'The request includes a parameter that is not valid for this queue type.',
    );
  for (const [name, { DataType }] of Object.entries(system)) {
    if (name !== 'AWSTraceHeader' || DataType !== 'String')
      throw invalidParameter(
        `The message system attribute '${name}' of type '${DataType}' is not supported: there is only AWSTraceHeader, a String.`,
      );
  }
  if (groupId !== undefined && !GROUP_ID.test(groupId))
    throw invalidValue(
      'MessageGroupId',
      groupId,
      'MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.',
    );
  return {
    body,
    delaySeconds,
    attributes,
    systemAttributes: system,
    traceHeader: system.AWSTraceHeader?.StringValue ?? requestTrace,
    groupId,
    sizeBytes: Buffer.byteLength(body) + attributesSizeBytes(attributes),
  };
}

/** @throws AwsError `InvalidMessageContents`, `MissingRequiredParameterException`, `InvalidParameterValueException` */
export function checkDraft(queue: Queue, raw: RawDraft): Draft {
  const { delaySeconds = queue.settings.delaySeconds, body } = raw;
  if (body === '') throw missingParameter('MessageBody');
  if (!ALLOWED_BODY.test(body))
    throw new AwsError(
      'InvalidMessageContents',
      'The message contains characters outside the allowed set: #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF.',
    );
  if (delaySeconds < 0 || delaySeconds > MAX_DELAY_SECONDS)
    throw invalidValue(
      'DelaySeconds',
      delaySeconds,
      `DelaySeconds must be >= 0 and <= ${MAX_DELAY_SECONDS}.`,
    );
  if (raw.sizeBytes > queue.settings.maximumMessageBytes)
    throw invalidParameter(
      `One or more parameters are invalid. Reason: Message must be shorter than ${queue.settings.maximumMessageBytes} bytes.`,
    );
  return {
    body,
    attributes: Object.keys(raw.attributes).length > 0 ? JSON.stringify(raw.attributes) : null,
    traceHeader: raw.traceHeader ?? null,
    groupId: raw.groupId ?? null,
    delaySeconds,
  };
}
