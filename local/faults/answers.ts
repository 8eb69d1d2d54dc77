import { AwsError, LocalCloudError } from '../kernel/errors.ts';
import type { Service, ServiceRequest, ServiceResponse } from '../kernel/service.ts';
import type { RefusedEntries } from './fault.ts';

const JSON_HEADERS = { 'content-type': 'application/x-amz-json-1.0' };

/** An error as both of AWS's JSON protocols tell it. */
export function refused(error: AwsError): ServiceResponse {
  return {
    status: error.status,
    headers: { 'content-type': 'application/json', 'x-amzn-errortype': error.code },
    body: JSON.stringify({ __type: error.code, message: error.message, ...error.details }),
  };
}

/** The connection's end, without an answer or in the middle of one. */
export function reset(answer: ServiceResponse | undefined): ServiceResponse {
  return answer
    ? { ...answer, cut: 'midway' }
    : { status: 200, headers: JSON_HEADERS, body: '', cut: 'unanswered' };
}

/** A whole response with half of a body. */
export function halved(answer: ServiceResponse | undefined): ServiceResponse {
  if (!answer) return { status: 200, headers: JSON_HEADERS, body: '{"' };
  const whole = Buffer.from(answer.body);
  const { 'x-amz-crc32': _checksum, ...headers } = answer.headers;
  // An empty body has no half: a brace is what a caller that expects JSON cannot read.
  return { ...answer, headers, body: whole.length < 3 ? '{' : whole.subarray(0, whole.length / 2) };
}

interface BatchInput {
  readonly Entries?: readonly { readonly Id: string }[];
}
interface BatchOutput {
  readonly Failed?: readonly object[];
}

/**
 * Does a batch without the entries that are refused, and adds those to its `Failed`.
 *
 * @throws LocalCloudError `UNSUPPORTED_FAULT` for an operation that has no `Entries`
 */
export async function withoutEntries(
  service: Service,
  request: ServiceRequest,
  { refuse, error = new AwsError('InternalError', 'The entry was refused.', 500) }: RefusedEntries,
): Promise<ServiceResponse> {
  const input = JSON.parse(request.body.toString('utf8') || '{}') as BatchInput;
  if (!input.Entries)
    throw new LocalCloudError(
      'UNSUPPORTED_FAULT',
      `A call of ${service.signingName} has no Entries that could be refused.`,
    );
  const isRefused = (_: unknown, index: number) => refuse === 'all' || refuse.includes(index);
  const kept = input.Entries.filter((entry, index) => !isRefused(entry, index));
  const failed = input.Entries.filter(isRefused).map(({ Id }) => ({
    Id,
    SenderFault: error.status < 500,
    Code: error.code,
    Message: error.message,
  }));
  const answer: ServiceResponse =
    kept.length === 0
      ? { status: 200, headers: JSON_HEADERS, body: '{}' }
      : await service.handle({ ...request, body: Buffer.from(JSON.stringify({ ...input, Entries: kept })) });
  if (answer.status !== 200 || failed.length === 0) return answer;
  const output = JSON.parse(answer.body.toString()) as BatchOutput;
  return { ...answer, body: JSON.stringify({ ...output, Failed: [...(output.Failed ?? []), ...failed] }) };
}
