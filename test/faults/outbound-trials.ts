import type { ServerResponse } from 'node:http';
import { JOBS } from '../../shared/jobs/registry.ts';
import { type Answer, answers, type Customer } from '../functions/deliver-webhook/delivery-lab.ts';
import { liftOf } from './lift.ts';
import { type EffectFault, isMeant, type Trial, trial } from './trial.ts';
import type { World } from './world.ts';

/** A customer that drops by its id what comes twice, and the ids that it has taken. */
interface Taker {
  customer?: Customer;
  readonly taken: Set<string>;
  /** In place of taking it and answering 204. @returns whether it did */
  befallen?: ((response: ServerResponse, take: () => void) => Promise<boolean>) | undefined;
}

function taker(): Taker {
  return { taken: new Set() };
}

/** The endpoint is one of its own, and so are its tenant and its customer. */
async function open(world: World, one: Taker, tenant: string, endpointId: string): Promise<void> {
  const customer = await world.deliveries.customer({ tenant, endpointId });
  one.customer = customer;
  const answer: Answer = async (response, nth) => {
    const id = String(customer.received[nth - 1]?.headers['webhook-id']);
    const take = (): void => void one.taken.add(id);
    if (await one.befallen?.(response, take)) return;
    take();
    answers(204)(response, nth);
  };
  customer.answer = answer;
}

/** An event that names the job by its data too: by it its calls and messages are known. */
function eventOf(id: string, key: string) {
  return { id, type: 'order.placed', occurredAt: '2026-11-25T10:00:00Z', data: { orderId: key } };
}

export function fanOutTrial(world: World, name: string): Trial {
  const one = taker();
  const key = `${name}/event`;
  return trial(world, {
    job: JOBS.fanOutEvent,
    key,
    payload: { tenant: name, event: eventOf('event', key) },
    prepare: () => open(world, one, name, 'endpoint'),
    effects: async () => ({ arrival: one.taken.size }),
    isEffect: ({ operation }) => operation === 'SendMessageBatch',
  });
}

/** Its receiver is outside the cloud, and is unwell by itself. */
export function deliveryTrial(world: World, name: string): Trial {
  const one = taker();
  const key = `${name}/endpoint/event`;
  const { faults } = world.lab.cloud;
  const base = trial(world, {
    job: JOBS.deliverWebhook,
    key,
    payload: { tenant: name, endpointId: 'endpoint', event: eventOf('event', key) },
    prepare: () => open(world, one, name, 'endpoint'),
    effects: async () => ({ arrival: one.taken.size }),
    isEffect: () => false,
  });
  return {
    ...base,
    befallEffect: (fault, which = 'first') => {
      let [nth, struck] = [0, 0];
      one.befallen = async (response, take) => {
        if (!isMeant(++nth, which)) return false;
        struck++;
        return BEFALL[fault](response, take, () => faults.kill(base.functionName));
      };
      return liftOf(
        () => {
          one.befallen = undefined;
        },
        () => struck,
      );
    },
    holdEffect: (reached) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      let held = false;
      one.befallen = async () => {
        if (held) return false;
        held = true;
        reached();
        await promise;
        return false;
      };
      return liftOf(
        () => {
          one.befallen = undefined;
          resolve();
        },
        () => Number(held),
      );
    },
  };
}

type Befall = (response: ServerResponse, take: () => void, kill: () => Promise<void>) => Promise<boolean>;

const BEFALL: Readonly<Record<EffectFault, Befall>> = {
  'killed-before': async (response, _take, kill) => {
    await kill();
    response.destroy();
    return true;
  },
  'killed-after': async (_response, take, kill) => {
    take();
    await kill();
    return false;
  },
  refused: async (response) => {
    response.writeHead(503).end();
    return true;
  },
  'answer-lost': async (response, take) => {
    take();
    response.writeHead(500).end();
    return true;
  },
  'half-answer': async (response, take) => {
    take();
    response.socket?.end('HTTP/1.1 20');
    return true;
  },
  hang: async () => true,
  slow: () => new Promise((resume) => setTimeout(() => resume(false), 1000)),
};
