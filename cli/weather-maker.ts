import { AwsError } from '../local/kernel/errors.ts';
import { CARD_WEATHER, UPLOAD_WEATHER, WEATHER } from '../samples/weather.ts';
import type { Session } from './session.ts';

/**
 * Lets the providers go through what the sample day has in store for them, counted from now.
 *
 * @returns ends it
 */
export function makeWeather(
  { cloud, cardProvider }: Pick<Session, 'cloud' | 'cardProvider'>,
  tell: (news: string) => void,
): () => void {
  const { clock, ses } = cloud;
  const at = (seconds: number, text: string, change: () => void) =>
    clock.after(seconds * 1000, () => {
      tell(text);
      change();
    });
  const timers = [
    ...WEATHER.flatMap(({ fromSeconds, toSeconds, text, provider }) => [
      at(fromSeconds, text, () => ses.setBehaviour(provider)),
      at(toSeconds, 'the e-mail provider is well again', () => ses.setBehaviour(undefined)),
    ]),
    ...CARD_WEATHER.flatMap(({ fromSeconds, toSeconds, text, behaviour }) => [
      at(fromSeconds, text, () => cardProvider.behave(behaviour)),
      at(toSeconds, 'the card provider is well again', () => cardProvider.behave()),
    ]),
  ];
  const endUploadFaults = refuseUploads(cloud, tell);
  return () => {
    endUploadFaults();
    for (const timer of timers) timer.cancel();
    cardProvider.behave();
  };
}

/** A run of the stage makes as many tries as its SDK does; it begins with the PDF, so that each try is one of these calls. */
const TRIES_A_RUN = 3;

function refuseUploads({ faults }: Session['cloud'], tell: (news: string) => void): () => void {
  const { pathPart, runs, text } = UPLOAD_WEATHER;
  let refused = 0;
  return faults.add(({ operation, moment }) => {
    const isUpload = operation.startsWith('PUT ') && operation.includes(pathPart);
    if (!isUpload || !operation.endsWith('/report.pdf') || moment !== 'before') return undefined;
    if (refused === runs * TRIES_A_RUN) return undefined;
    if (refused++ === 0) tell(text);
    return new AwsError('SlowDown', 'Please reduce your request rate.', 503);
  });
}
