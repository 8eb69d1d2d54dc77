import type { Behaviour } from './behaviour.ts';

/** An endpoint of a tenant in the sample day, and what befalls it, in seconds from the day's start. */
export interface SampleEndpoint {
  readonly tenant: string;
  /** Its id, and with the tenant its path at the receivers' server. */
  readonly endpointId: string;
  readonly eventTypes: readonly string[];
  readonly contact?: string;
  readonly unwell?: {
    readonly fromSeconds: number;
    /** @default for good */
    readonly toSeconds?: number;
    readonly text: string;
    readonly behaviour: Behaviour;
  };
}

export const SAMPLE_ENDPOINTS: readonly SampleEndpoint[] = [
  { tenant: 'shop-berlin', endpointId: 'well', eventTypes: ['order.*', 'payment.*'] },
  {
    tenant: 'shop-berlin',
    endpointId: 'slow',
    eventTypes: ['order.*'],
    unwell: {
      fromSeconds: 20,
      toSeconds: 200,
      text: 'a receiver of webhooks is slow (0.3 s)',
      behaviour: { latencySeconds: 0.3 },
    },
  },
  {
    tenant: 'shop-berlin',
    endpointId: 'busy',
    eventTypes: ['*'],
    unwell: {
      fromSeconds: 100,
      toSeconds: 200,
      text: 'a receiver is busy (429, Retry-After: 45)',
      behaviour: { answer: 'busy', retryAfterSeconds: 45 },
    },
  },
  {
    tenant: 'shop-berlin',
    endpointId: 'misled',
    eventTypes: ['order.placed', 'order.shipped'],
    unwell: {
      fromSeconds: 0,
      toSeconds: 900,
      text: 'a receiver redirects to an internal address for 15 minutes',
      behaviour: { answer: 'redirected' },
    },
  },
  { tenant: 'shop-lisbon', endpointId: 'well', eventTypes: ['*'] },
  {
    tenant: 'shop-lisbon',
    endpointId: 'down',
    eventTypes: ['order.*'],
    unwell: {
      fromSeconds: 60,
      toSeconds: 2400,
      text: 'a receiver is down for 39 minutes (503)',
      behaviour: { answer: 'unavailable' },
    },
  },
  {
    tenant: 'shop-lisbon',
    endpointId: 'forgetful',
    eventTypes: ['order.*', 'payment.*'],
    unwell: {
      // While the e-mail provider is slow: time passes then as it does here, and the 15 s that it costs are no longer for it.
      fromSeconds: 20,
      toSeconds: 900,
      text: 'a receiver takes an event and forgets to answer, once',
      behaviour: { answer: 'forgotten', times: 1 },
    },
  },
  {
    tenant: 'shop-lisbon',
    endpointId: 'chatty',
    eventTypes: ['order.placed'],
    unwell: {
      fromSeconds: 0,
      toSeconds: 300,
      text: 'a receiver’s answer does not end',
      behaviour: { answer: 'endless' },
    },
  },
  {
    tenant: 'shop-lisbon',
    endpointId: 'gone',
    eventTypes: ['order.*'],
    contact: 'hooks@lisbon.example.com',
    unwell: {
      fromSeconds: 120,
      text: 'a receiver says that it is gone for good (410)',
      behaviour: { answer: 'gone' },
    },
  },
];
