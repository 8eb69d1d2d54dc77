import type { Behaviour } from './card-provider/behaviour.ts';

/** What the e-mail provider of the sample day goes through, in seconds from its start. */
export interface Weather {
  readonly fromSeconds: number;
  readonly toSeconds: number;
  readonly text: string;
  readonly provider:
    | { readonly latencySeconds: number }
    | { readonly error: { readonly code: string; readonly status: number; readonly message: string } };
}

export const WEATHER: readonly Weather[] = [
  {
    fromSeconds: 20,
    toSeconds: 60,
    text: 'the e-mail provider is slow (1 s a mail)',
    provider: { latencySeconds: 1 },
  },
  {
    fromSeconds: 90,
    toSeconds: 900,
    text: 'the e-mail provider is down for 13 minutes',
    provider: { error: { code: 'ServiceUnavailable', status: 503, message: 'The service is unavailable.' } },
  },
];

/** What S3 does to one report of the sample day: refuses its PDF in so many runs of the stage that uploads it. */
export const UPLOAD_WEATHER = {
  /** Of the file's key. */
  pathPart: '/reports/stock-',
  runs: 3,
  text: 'S3 does not take the PDF of one report (503)',
} as const;

/** What S3 does to another one: refuses its PDF until a person mends that, who then lets it go on. In seconds from the day's start. */
export const LASTING_UPLOAD_WEATHER = {
  /** Of the file's key. */
  pathPart: '/reports/evening-',
  text: 'S3 refuses the PDF of another report (403), whatever is tried',
  /** Later than the stage's last run, and the minute in which its verdict still binds its message. */
  mendedAfterSeconds: 2400,
  mendedText: 'somebody has mended the permission: S3 takes that PDF, too',
  /** When the letters of resumed jobs are taken away: redriving one that has completed changes nothing else. */
  clearedAfterSeconds: 3600,
} as const;

/** What SQS does to the ingress of webhooks: takes each event, and breaks off its answers. Providers hear of a 503, and send the event again. */
export const INGRESS_WEATHER = {
  fromSeconds: 130,
  toSeconds: 170,
  text: 'SQS takes the webhooks of providers, and its answers are lost: they are sent again',
} as const;

/** What the card provider goes through meanwhile. */
export interface CardWeather extends Pick<Weather, 'fromSeconds' | 'toSeconds' | 'text'> {
  readonly behaviour: Behaviour;
}

export const CARD_WEATHER: readonly CardWeather[] = [
  {
    fromSeconds: 30,
    toSeconds: 75,
    text: 'the card provider charges, and breaks off its answers half-way',
    behaviour: { answer: 'half' },
  },
  {
    fromSeconds: 120,
    toSeconds: 150,
    text: 'the card provider takes no requests (429, Retry-After: 30)',
    behaviour: { rateLimited: { retryAfterSeconds: 30 } },
  },
  {
    fromSeconds: 180,
    toSeconds: 220,
    text: 'the card provider charges, and answers with a 500',
    behaviour: { answer: 'failed' },
  },
];
