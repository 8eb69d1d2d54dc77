import { setTimeout as sleep } from 'node:timers/promises';
import { consume, PermanentError, RetryAfter } from '../../../shared/consumer/index.ts';
import { integrationProbe } from './contract.ts';

const SLOW_MS = 500;
const LATER_SECONDS = 2;
/** More than Lambda lets one chain of requests invoke a function that may not be in a loop. */
const OFTEN = 20;

/** @param revision which of the deployed versions it is, kept with what it returns */
export function probeHandler(revision: string) {
  return consume(integrationProbe, async ({ lives }, { job, message }) => {
    const acts = lives[Math.min(job.life, lives.length) - 1] ?? [];
    switch (acts[Math.min(job.attempt, acts.length) - 1]) {
      case 'throw':
        throw new Error('as the test wanted');
      case 'permanent':
        throw new PermanentError('cannot ever work', { code: 'HOPELESS' });
      case 'exit':
        process.exit(1);
        break;
      case 'later':
        if (!message.hop) throw new RetryAfter(LATER_SECONDS, 'not yet');
        break;
      case 'often':
        if ((message.hop ?? 0) < OFTEN) throw new RetryAfter(1, 'not yet');
        break;
      case 'slow':
        await sleep(SLOW_MS);
    }
    return { revision };
  });
}
