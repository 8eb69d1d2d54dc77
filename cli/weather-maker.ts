import { AwsError } from '../local/kernel/errors.ts';
import {
  CARD_WEATHER,
  INGRESS_WEATHER,
  LASTING_UPLOAD_WEATHER,
  UPLOAD_WEATHER,
  WEATHER,
} from '../samples/weather.ts';
import { SAMPLE_ENDPOINTS } from '../samples/webhook-receiver/day.ts';
import { functionName, WEBHOOK_INGRESS } from '../shared/jobs/names.ts';
import { JOBS } from '../shared/jobs/registry.ts';
import { redriveLetters, resumeFailed } from './on-call.ts';
import type { Session } from './session.ts';

/** What the sample day has in store. */
export interface WeatherUnderWay {
  /** Resolves when nothing more of it is to come; never rejects. */
  readonly over: Promise<void>;
  end(): void;
}

/** Lets the providers go through what the sample day has in store for them, counted from now, and a person mend what does not pass by itself. */
export function makeWeather(session: Session, tell: (news: string) => void): WeatherUnderWay {
  const { cloud, cardProvider } = session;
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
  timers.push(...unwellReceivers(session.webhooks, at));
  const losses = loseAnswersToIngress(session, at);
  timers.push(...losses.timers);
  const endUploadFaults = refuseUploads(cloud, tell);
  const upload = refuseUploadUntilMended(session, tell);
  return {
    over: upload.over,
    end() {
      endUploadFaults();
      losses.end();
      upload.end();
      for (const timer of timers) timer.cancel();
      cardProvider.behave();
      for (const { receiver } of session.webhooks.customers) receiver.behave();
    },
  };
}

type At<Timer> = (seconds: number, text: string, change: () => void) => Timer;

function loseAnswersToIngress<Timer>(
  { cloud, stage }: Session,
  at: At<Timer>,
): { readonly timers: readonly Timer[]; readonly end: () => void } {
  const { fromSeconds, toSeconds, text } = INGRESS_WEATHER;
  const ingress = functionName(stage, WEBHOOK_INGRESS);
  let lost = false;
  const lose = (isLost: boolean) => () => {
    lost = isLost;
  };
  const end = cloud.faults.add(({ functionName: caller, operation, moment }) => {
    if (!lost || caller !== ingress || moment !== 'after' || !operation.startsWith('SendMessage'))
      return undefined;
    return new AwsError('ServiceUnavailable', 'The request has failed due to a temporary failure.', 503);
  });
  return {
    timers: [
      at(fromSeconds, text, lose(true)),
      at(toSeconds, 'SQS answers the ingress of webhooks again', lose(false)),
    ],
    end,
  };
}

function unwellReceivers<Timer>({ customers }: Session['webhooks'], at: At<Timer>): Timer[] {
  return customers.flatMap(({ endpoint: { tenant, endpointId }, receiver }) => {
    const unwell = SAMPLE_ENDPOINTS.find(
      (one) => one.tenant === tenant && one.endpointId === endpointId,
    )?.unwell;
    if (!unwell) return [];
    const { fromSeconds, toSeconds, text, behaviour } = unwell;
    return [
      at(fromSeconds, text, () => receiver.behave(behaviour)),
      ...(toSeconds === undefined
        ? []
        : [at(toSeconds, `the receiver ${tenant}/${endpointId} is well again`, () => receiver.behave())]),
    ];
  });
}

/** A run of the stage makes as many tries as its SDK does; it begins with the PDF, so that each try is one of these calls. */
const TRIES_A_RUN = 3;

function refuseUploads({ faults }: Session['cloud'], tell: (news: string) => void): () => void {
  const { pathPart, runs, text } = UPLOAD_WEATHER;
  let refused = 0;
  return faults.add(({ operation, moment }) => {
    if (!isPdfOf(pathPart, operation) || moment !== 'before') return undefined;
    if (refused === runs * TRIES_A_RUN) return undefined;
    if (refused++ === 0) tell(text);
    return new AwsError('SlowDown', 'Please reduce your request rate.', 503);
  });
}

function refuseUploadUntilMended(session: Session, tell: (news: string) => void): WeatherUnderWay {
  const { clock, faults } = session.cloud;
  const { type } = JOBS.generateReport;
  const { pathPart, text, mendedAfterSeconds, mendedText, clearedAfterSeconds } = LASTING_UPLOAD_WEATHER;
  const startMs = clock.now();
  let told = false;
  const mend = faults.add(({ operation, moment }) => {
    if (!isPdfOf(pathPart, operation) || moment !== 'before') return undefined;
    if (!told) tell(text);
    told = true;
    return new AwsError('AccessDenied', 'Access Denied', 403);
  });
  const timers: { cancel(): void }[] = [];
  /** Cloud time does not run ahead while a person is at work. */
  const at = (seconds: number, work: () => Promise<void>): Promise<void> =>
    new Promise((done) => {
      const begin = async (): Promise<void> => {
        const release = clock.hold();
        await work().catch((error: Error) => tell(`the person on call failed: ${error.message}`));
        release();
        done();
      };
      timers.push(clock.after(seconds * 1000, () => void begin()));
    });
  const mended = at(mendedAfterSeconds, async () => {
    mend();
    tell(mendedText);
    const resumed = await resumeFailed(type, startMs, session);
    tell(
      `resumed where it failed, as by "npx honest-jobs stages resume ${type} --since 1h": ${resumed.join(', ') || 'nothing'}`,
    );
  });
  const cleared = at(clearedAfterSeconds, async () => {
    await redriveLetters(type, session);
    tell(`the letters of ${type} are redriven, so that they go away: what has completed is not run again`);
  });
  return {
    over: Promise.all([mended, cleared]).then(() => {}),
    end() {
      mend();
      for (const timer of timers) timer.cancel();
    },
  };
}

function isPdfOf(pathPart: string, operation: string): boolean {
  return operation.startsWith('PUT ') && operation.includes(pathPart) && operation.endsWith('/report.pdf');
}
