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
