import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { deliveriesTo } from '../../../shared/client/deliveries.ts';
import {
  changeEndpoint,
  disableEndpoint,
  enableEndpoint,
  removeEndpoint,
} from '../../../shared/client/endpoint-changes.ts';
import {
  endpointsOf,
  findEndpoint,
  type Registration,
  registerEndpoint,
  rotateEndpointSecret,
} from '../../../shared/client/endpoints.ts';
import { tableName } from '../../../shared/jobs/names.ts';
import { currentSecrets, deliverySortKey, type WebhookDelivery } from '../../../shared/webhooks/endpoint.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('assembly'), stage: STAGE });
});
afterAll(() => lab.stop());

const options = () => ({ dynamo: lab.dynamo, stage: STAGE, now: () => lab.cloud.clock.now() });
const asked: Registration = {
  tenant: 'shop-1',
  url: 'https://hooks.example.com/orders?key=1',
  eventTypes: ['order.*'],
};
/** What deliveries write of an endpoint that is unwell. */
const MARKS = {
  failures: 3,
  failingSinceMs: 1,
  refusals: 2,
  refusedSinceMs: 1,
  pausedUntilMs: 2,
  probe: 'p',
};
const register = (changes: Partial<Registration> = {}) =>
  registerEndpoint({ ...asked, ...changes }, options());

describe('registering an endpoint', () => {
  it('enables it, with an id and a secret of its own that the library can sign with', async () => {
    const first = await register({ tenant: 'shop-new', contact: 'ops@example.com' });
    const second = await register({ tenant: 'shop-new' });
    expect(first.secret).not.toBe(second.secret);
    expect(() => new Webhook(first.secret)).not.toThrow();
    const found = await endpointsOf('shop-new', options());
    expect(found).toHaveLength(2);
    const { secret, ...endpoint } = first;
    expect(await findEndpoint(first, options())).toEqual({ ...endpoint, secrets: [{ secret }] });
    expect(endpoint).toMatchObject({ state: 'enabled', contact: 'ops@example.com', url: asked.url });
    expect(await endpointsOf('shop-none', options())).toEqual([]);
  });

  it.each([
    ['not https', { url: 'http://hooks.example.com/' }, /no https/],
    ['no URL', { url: 'hooks.example.com' }, /no https/],
    ['with user information', { url: 'https://me:secret@hooks.example.com/' }, /user name or a password/],
    ['a private address', { url: 'https://10.0.0.7/' }, /10\.0\.0\.7 is not on the public internet/],
    [
      'the metadata service',
      { url: 'https://0xa9fea9fe/latest/' },
      /169\.254\.169\.254 is not on the public/,
    ],
    ['this machine', { url: 'https://[::ffff:127.0.0.1]/' }, /not on the public internet/],
    ['this machine by http', { url: 'http://127.0.0.1:8080/' }, /no https/],
    ['of no tenant', { tenant: 'a/b' }, /tenant: must be/],
    ['for no event type', { eventTypes: ['order..placed'] }, /eventTypes\.0: must be/],
    ['for nothing', { eventTypes: [] }, /eventTypes/],
    ['with a contact that is none', { contact: '' }, /contact/],
  ])('refuses one that is %s, and writes nothing', async (_what, changes, message) => {
    await expect(register({ tenant: 'shop-refused', ...changes })).rejects.toMatchObject({
      code: 'INVALID_ENDPOINT',
      message: expect.stringMatching(message),
    });
    expect(await endpointsOf('shop-refused', options())).toEqual([]);
  });

  it('takes this machine where that is allowed', async () => {
    const url = 'http://127.0.0.1:8080/well';
    const { secret: _, ...endpoint } = await registerEndpoint(
      { ...asked, tenant: 'shop-local', url },
      { ...options(), allowLoopback: true },
    );
    expect(await endpointsOf('shop-local', options())).toEqual([endpoint]);
  });

  it('goes over no other, and knows its own write when DynamoDB’s answer was lost', async () => {
    const { secret } = await register({ tenant: 'shop-again', endpointId: 'main' });
    await expect(register({ tenant: 'shop-again', endpointId: 'main' })).rejects.toMatchObject({
      code: 'ENDPOINT_EXISTS',
    });
    expect((await findEndpoint({ tenant: 'shop-again', endpointId: 'main' }, options())).secrets).toEqual([
      { secret },
    ]);
    const wasLost = losingTheFirstAnswer('PutItem');
    const own = await register({ tenant: 'shop-again', endpointId: 'second' });
    expect(wasLost()).toBe(true);
    expect((await findEndpoint(own, options())).secrets).toEqual([{ secret: own.secret }]);
  });
});

describe('an endpoint', () => {
  it('that was disabled says since when and why, until it is enabled as if it had never failed', async () => {
    const { secret: _, ...endpoint } = await register({ endpointId: 'switched' });
    await lab.dynamo.send(
      new PutCommand({
        TableName: tableName(STAGE, 'webhook-endpoints'),
        Item: { ...endpoint, ...MARKS },
      }),
    );
    await disableEndpoint(endpoint, 'moved away', options());
    expect(await findEndpoint(endpoint, options())).toMatchObject({
      state: 'disabled',
      disabledAtMs: expect.closeTo(lab.cloud.clock.now(), -4),
      disabledBecause: 'moved away',
    });
    await enableEndpoint(endpoint, options());
    expect(await findEndpoint(endpoint, options())).toEqual(endpoint);
  });

  it('that is not there is not made by a change', async () => {
    const absent = { tenant: 'shop-absent', endpointId: 'none' };
    for (const change of [
      () => enableEndpoint(absent, options()),
      () => disableEndpoint(absent, 'x', options()),
      () => rotateEndpointSecret(absent, options()),
      () => findEndpoint(absent, options()),
      () => changeEndpoint(absent, { eventTypes: ['*'] }, options()),
      () => removeEndpoint(absent, options()),
    ])
      await expect(change()).rejects.toMatchObject({ code: 'ENDPOINT_UNKNOWN' });
    expect(await endpointsOf('shop-absent', options())).toEqual([]);
  });
});

describe('changing an endpoint', () => {
  const unwell = async (endpointId: string) => {
    const { secret: _, ...endpoint } = await register({ endpointId, contact: 'ops@example.com' });
    await lab.dynamo.send(
      new PutCommand({
        TableName: tableName(STAGE, 'webhook-endpoints'),
        Item: { ...endpoint, ...MARKS },
      }),
    );
    return endpoint;
  };

  it('gives it another address, of which nothing bad is known, and keeps its secrets', async () => {
    const endpoint = await unwell('moved');
    await changeEndpoint(endpoint, { url: 'https://new.example.com/' }, options());
    expect(await findEndpoint(endpoint, options())).toEqual({ ...endpoint, url: 'https://new.example.com/' });
  });

  it('keeps what is known of its address where that stays', async () => {
    const endpoint = await unwell('stayed');
    await changeEndpoint(endpoint, { eventTypes: ['*'], contact: null }, options());
    const { contact: _, ...others } = endpoint;
    expect(await findEndpoint(endpoint, options())).toEqual({ ...others, ...MARKS, eventTypes: ['*'] });
  });

  it('does not enable it', async () => {
    const { secret: _, ...key } = await register({ endpointId: 'off-and-moved' });
    await disableEndpoint(key, 'x', options());
    await changeEndpoint(key, { url: 'https://new.example.com/' }, options());
    expect(await findEndpoint(key, options())).toMatchObject({ state: 'disabled', disabledBecause: 'x' });
  });

  it.each([
    ['no https', { url: 'http://hooks.example.com/' }],
    ['no type', { eventTypes: ['order..placed'] }],
    ['no contact', { contact: '' }],
  ])('refuses what is %s, and writes nothing', async (what, change) => {
    const { secret, ...endpoint } = await register({ endpointId: what.replaceAll(' ', '-') });
    await expect(changeEndpoint(endpoint, change, options())).rejects.toMatchObject({
      code: 'INVALID_ENDPOINT',
    });
    expect(await findEndpoint(endpoint, options())).toEqual({ ...endpoint, secrets: [{ secret }] });
  });

  it('knows its own write when DynamoDB’s answer was lost', async () => {
    const { secret: _, ...key } = await register({ endpointId: 'change-lost' });
    const wasLost = losingTheFirstAnswer('UpdateItem');
    await changeEndpoint(key, { url: 'https://new.example.com/' }, options());
    expect(wasLost()).toBe(true);
    expect(await findEndpoint(key, options())).toMatchObject({ url: 'https://new.example.com/' });
  });
});

describe('removing an endpoint', () => {
  it('forgets it and no other, though DynamoDB’s answer was lost', async () => {
    const { secret: _, ...key } = await register({ tenant: 'shop-gone', endpointId: 'gone' });
    const { secret: __, ...neighbour } = await register({ tenant: 'shop-gone', endpointId: 'gone-not' });
    const wasLost = losingTheFirstAnswer('DeleteItem');
    await removeEndpoint(key, options());
    expect(wasLost()).toBe(true);
    expect(await endpointsOf('shop-gone', options())).toEqual([neighbour]);
  });
});

describe('rotating a secret', () => {
  it('lets the former one sign for the overlap, and no longer', async () => {
    const { secret: first, ...key } = await register({ endpointId: 'rotated' });
    const { secret: second, formerUntilMs } = await rotateEndpointSecret(key, {
      ...options(),
      overlapSeconds: 600,
    });
    const endpoint = await findEndpoint(key, options());
    expect(currentSecrets(endpoint, formerUntilMs - 1)).toEqual([second, first]);
    expect(currentSecrets(endpoint, formerUntilMs)).toEqual([second]);
  });

  it('prolongs no secret that was replaced before, and ends all others at once for an overlap of 0', async () => {
    const { secret: first, ...key } = await register({ endpointId: 'rotated-twice' });
    const { formerUntilMs } = await rotateEndpointSecret(key, { ...options(), overlapSeconds: 600 });
    const { secret: third } = await rotateEndpointSecret(key, { ...options(), overlapSeconds: 3600 });
    const both = await findEndpoint(key, options());
    expect(both.secrets).toHaveLength(3);
    expect(currentSecrets(both, formerUntilMs)).not.toContain(first);
    const { secret: last } = await rotateEndpointSecret(key, { ...options(), overlapSeconds: 0 });
    expect((await findEndpoint(key, options())).secrets).toEqual([{ secret: last }]);
    expect(last).not.toBe(third);
  });

  it('at the same time as another gives one of them the answer, and knows its own write again', async () => {
    const { secret: _, ...key } = await register({ endpointId: 'raced' });
    const both = await Promise.allSettled([
      rotateEndpointSecret(key, options()),
      rotateEndpointSecret(key, options()),
    ]);
    const won = both.filter((one) => one.status === 'fulfilled');
    expect(won).toHaveLength(1);
    expect(both.find((one) => one.status === 'rejected')?.reason).toMatchObject({
      code: 'CHANGED_MEANWHILE',
    });
    expect((await findEndpoint(key, options())).secrets[0]?.secret).toBe(won[0]?.value.secret);
    const wasLost = losingTheFirstAnswer('UpdateItem');
    const { secret } = await rotateEndpointSecret(key, options());
    expect(wasLost()).toBe(true);
    expect((await findEndpoint(key, options())).secrets[0]).toEqual({ secret });
  });
});

describe('the deliveries to an endpoint', () => {
  it('are its own alone, in order of time over all events, the newest where there are many', async () => {
    const rows: [endpointId: string, eventId: string, atMs: number][] = [
      ['ep', 'e-1', 3],
      ['ep', 'e-2', 1],
      ['ep', 'e-10', 2],
      ['ep', 'e-1', 4],
      ['ep-2', 'e-1', 5],
    ];
    for (const tenant of ['shop-told', 'shop-other'])
      for (const row of rows) await lab.dynamo.send(put(tenant, ...row));
    const told = async (changes: Partial<Parameters<typeof deliveriesTo>[1]> = {}) => {
      const { deliveries, found } = await deliveriesTo(
        { tenant: 'shop-told', endpointId: 'ep' },
        { ...options(), ...changes },
      );
      return { found, told: deliveries.map(({ tenant, eventId, atMs }) => `${tenant} ${eventId} ${atMs}`) };
    };
    expect(await told()).toEqual({
      found: 4,
      told: ['shop-told e-2 1', 'shop-told e-10 2', 'shop-told e-1 3', 'shop-told e-1 4'],
    });
    expect(await told({ most: 1 })).toEqual({ found: 4, told: ['shop-told e-1 4'] });
    expect(await told({ eventId: 'e-1' })).toEqual({
      found: 2,
      told: ['shop-told e-1 3', 'shop-told e-1 4'],
    });
  });
});

function put(tenant: string, endpointId: string, eventId: string, atMs: number): PutCommand {
  const Item: WebhookDelivery = {
    tenant,
    delivery: deliverySortKey({ endpointId, eventId }, atMs),
    endpointId,
    eventId,
    eventType: 'order.placed',
    atMs,
    attempt: 1,
    outcome: 'delivered',
    status: 204,
    durationMs: 7,
    expiration: 2_000_000_000,
  };
  return new PutCommand({ TableName: tableName(STAGE, 'webhook-deliveries'), Item });
}

/** The next such call is done, and its caller does not hear of it. */
function losingTheFirstAnswer(operation: string): () => boolean {
  let lost = false;
  const end = lab.cloud.faults.addOutside((call) => {
    if (lost || call.operation !== operation || call.moment !== 'after') return undefined;
    lost = true;
    end();
    return 'reset';
  });
  return () => lost;
}
