import { probe, row } from './states-lab.ts';

/** The second is at work for a minute, unless it is tried again, as it is where nobody knows how it ended. */
export const THREE_TASKS = row({
  First: probe({ do: 'echo' }),
  Second: probe(
    {},
    {
      Parameters: {
        FunctionName: 'probe',
        Payload: { do: 'sleep', 'ms.$': 'States.ArrayGetItem(States.Array(60000, 0), $$.State.RetryCount)' },
      },
      Retry: [{ ErrorEquals: ['Lambda.Unknown'], IntervalSeconds: 1, MaxAttempts: 1 }],
    },
  ),
  Third: probe({ do: 'echo' }),
});
