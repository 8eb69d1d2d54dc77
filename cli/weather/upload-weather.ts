import { AwsError } from '../../local/kernel/errors.ts';
import { LASTING_UPLOAD_WEATHER, UPLOAD_WEATHER } from '../../samples/weather.ts';
import type { Session } from '../session.ts';

type Tell = (news: string) => void;

/** A run of the stage makes as many tries as its SDK does; it begins with the PDF, so that each try is one of these calls. */
const TRIES_A_RUN = 3;

/**
 * S3 refuses the PDF of one report for a few runs.
 *
 * @returns what ends that
 */
export function refuseUploads({ cloud: { faults } }: Session, tell: Tell): () => void {
  const { pathPart, runs, text } = UPLOAD_WEATHER;
  let refused = 0;
  return faults.add(({ operation, moment }) => {
    if (!isPdfOf(pathPart, operation) || moment !== 'before') return undefined;
    if (refused === runs * TRIES_A_RUN) return undefined;
    if (refused++ === 0) tell(text);
    return new AwsError('SlowDown', 'Please reduce your request rate.', 503);
  });
}

/**
 * S3 refuses the PDF of another report until somebody mends that.
 *
 * @returns what mends it
 */
export function refuseUploadUntilMended({ cloud: { faults } }: Session, tell: Tell): () => void {
  const { pathPart, text } = LASTING_UPLOAD_WEATHER;
  let isTold = false;
  return faults.add(({ operation, moment }) => {
    if (!isPdfOf(pathPart, operation) || moment !== 'before') return undefined;
    if (!isTold) tell(text);
    isTold = true;
    return new AwsError('AccessDenied', 'Access Denied', 403);
  });
}

function isPdfOf(pathPart: string, operation: string): boolean {
  return operation.startsWith('PUT ') && operation.includes(pathPart) && operation.endsWith('/report.pdf');
}
