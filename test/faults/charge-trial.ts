import { JOBS } from '../../shared/jobs/registry.ts';
import { liftOf, onceLifted } from './lift.ts';
import { isMeant, type Trial, trial } from './trial.ts';
import type { World } from './world.ts';

/** Its provider is outside the cloud, and is unwell by itself. */
export function chargeTrial(world: World, key: string): Trial {
  const { provider } = world.charges;
  const { faults } = world.lab.cloud;
  const one = trial(world, {
    job: JOBS.chargeCard,
    key,
    payload: world.charges.charge({ chargeId: key }),
    effects: async () => ({ charge: provider.effects(key) }),
    isEffect: () => false,
  });
  return {
    ...one,
    befallEffect: (fault, which = 'first') => {
      if (fault === 'killed-before' || fault === 'killed-after') {
        let [nth, struck] = [0, 0];
        const end = provider.onCharge(async (moment, reference) => {
          if (reference !== key || `killed-${moment}` !== fault || !isMeant(++nth, which)) return undefined;
          struck++;
          await faults.kill(one.functionName);
          return moment === 'before' ? 'veto' : undefined;
        });
        return liftOf(end, () => struck);
      }
      const times = which === 'each' ? Number.POSITIVE_INFINITY : 1;
      const before = provider.tries(key);
      provider.behave({ ...PROVIDER_FAULTS[fault], times });
      return onceLifted(
        () => provider.behave(),
        () => Math.min(times, provider.tries(key) - before),
      );
    },
    holdEffect: (reached) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      let held = false;
      const lift = provider.onCharge(async (moment, reference) => {
        if (held || moment !== 'before' || reference !== key) return;
        held = true;
        reached();
        await promise;
      });
      return liftOf(
        () => {
          lift();
          resolve();
        },
        () => Number(held),
      );
    },
  };
}

const PROVIDER_FAULTS = {
  refused: { answer: 'failed', charges: false },
  'answer-lost': { answer: 'failed' },
  'half-answer': { answer: 'half' },
  hang: { answer: 'hanging', charges: false },
  slow: { latencySeconds: 1 },
} as const;
