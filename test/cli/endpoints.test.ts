import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { endpointsOf } from '../../shared/client/endpoints.ts';
import { ALLOW_LOOPBACK_VARIABLE } from '../../shared/jobs/environment.ts';
import { tableName } from '../../shared/jobs/names.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import { deliverySortKey, type WebhookDelivery } from '../../shared/webhooks/endpoint.ts';
import { STAGE } from '../lab/global-setup.ts';
import { Lab } from '../lab/lab.ts';
import { CommandLab } from './command-lab.ts';

let lab: Lab;
let commands: CommandLab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('assembly'), stage: STAGE });
  commands = CommandLab.on(lab);
});
afterAll(() => commands.stop());

const endpoints = (...args: string[]) => commands.atTerminal('y', 'endpoints', ...args);
const register = (tenant: string, ...more: string[]) =>
  endpoints(
    'register',
    tenant,
    '--url',
    'https://hooks.example.com/k/s3cr3t',
    '--events',
    'order.*',
    ...more,
  );
const found = (tenant: string) => endpointsOf(tenant, { dynamo: lab.dynamo, stage: STAGE });

describe('honest-jobs endpoints register', () => {
  it('shows account and stage, writes the endpoint, and prints its secret once', async () => {
    const { code, stdout, stderr } = await commands.run(
      ...['endpoints', 'register', 'shop-1', '--url', 'https://hooks.example.com/', '--id', 'main'],
      ...['--events', 'order.placed, payment.*', '--contact', 'ops@example.com', '--yes'],
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      /^account \d{12}, region \S+, stage "dev"\nregisters shop-1\/main at https:\/\/hooks\.example\.com\/ for order\.placed, payment\.\*; ops@example\.com hears/,
    );
    const [endpoint] = await found('shop-1');
    expect(endpoint).toMatchObject({
      endpointId: 'main',
      state: 'enabled',
      eventTypes: ['order.placed', 'payment.*'],
    });
    const secret = endpoint?.secrets[0]?.secret ?? '';
    expect(stdout.split(secret)).toHaveLength(2);
    for (const verb of [
      ['list', 'shop-1', '--all'],
      ['deliveries', 'shop-1/main'],
    ])
      expect((await endpoints(...verb)).stdout).not.toContain(secret);
  });

  it('asks before it writes, and writes nothing without a yes', async () => {
    const args = ['endpoints', 'register', 'shop-no', '--url', 'https://a.example/', '--events', '*'];
    const no = await commands.atTerminal('', ...args);
    expect(no).toMatchObject({ code: 1, asked: ['Go on? (y/N) '] });
    expect(no.stdout).toContain('Nothing was changed.');
    expect(no.stdout).not.toContain('whsec_');
    const nobody = await commands.atTerminal(undefined, ...args);
    expect(nobody).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
    expect(await found('shop-no')).toEqual([]);
  });

  it.each([
    ['http', 'http://hooks.example.com/', 'no https:// address'],
    ['user information', 'https://me@hooks.example.com/', 'user name or a password'],
    ['a private address', 'https://192.168.1.9/', 'not on the public internet'],
    ['this machine', 'http://127.0.0.1:9/', 'no https:// address'],
  ])('refuses a URL of %s before it asks', async (_what, url, message) => {
    const { code, stderr, asked } = await endpoints('register', 'shop-bad', '--url', url, '--events', '*');
    expect({ code, asked }).toEqual({ code: 1, asked: [] });
    expect(stderr).toContain(message);
    expect(await found('shop-bad')).toEqual([]);
  });

  it('takes this machine where the environment allows it', async () => {
    vi.stubEnv(ALLOW_LOOPBACK_VARIABLE, 'true');
    const { code } = await endpoints(
      'register',
      'shop-here',
      '--url',
      'http://127.0.0.1:9/',
      '--events',
      '*',
    );
    expect(code).toBe(0);
    expect(await found('shop-here')).toHaveLength(1);
  });

  it('exits 1 for an id that is taken, and keeps what is there', async () => {
    await register('shop-taken', '--id', 'main');
    const before = await found('shop-taken');
    const again = await register('shop-taken', '--id', 'main');
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('already') });
    expect(again.stdout).not.toContain('whsec_');
    expect(await found('shop-taken')).toEqual(before);
  });
});

describe('honest-jobs endpoints list', () => {
  it('tells the state of each, with its host alone unless all is asked for', async () => {
    await register('shop-list', '--id', 'main');
    const listed = await endpoints('list', 'shop-list');
    expect(listed.code).toBe(0);
    expect(listed.stdout).toContain('1 endpoints of "shop-list" in stage "dev"');
    expect(listed.stdout).toMatch(/ {2}shop-list\/main: enabled\n.*https:\/\/hooks\.example\.com\/…/);
    expect(listed.stdout).toContain('contact  nobody');
    expect(listed.stdout).not.toContain('s3cr3t');
    expect((await endpoints('list', 'shop-list', '--all')).stdout).toContain('/k/s3cr3t');
    const { endpointId, ...more } = (await found('shop-list'))[0] ?? { endpointId: '' };
    const nowMs = lab.cloud.clock.now();
    await lab.dynamo.send(
      new PutCommand({
        TableName: tableName(STAGE, 'webhook-endpoints'),
        Item: { ...more, endpointId, failures: 4, failingSinceMs: nowMs, pausedUntilMs: nowMs + 60_000 },
      }),
    );
    expect((await endpoints('list', 'shop-list')).stdout).toMatch(
      /enabled, 4 failures one after the other, failing since 2\S+Z, paused until 2\S+Z\n/,
    );
  });

  it('exits 1 for a tenant that has none', async () => {
    expect(await endpoints('list', 'shop-none')).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(
        /^"shop-none" has no endpoint in stage "dev": it has registered none, or its name is another\.$/,
      ),
    });
  });
});

describe('honest-jobs endpoints disable and enable', () => {
  it('switch an endpoint, and say what becomes of its deliveries', async () => {
    await register('shop-off', '--id', 'main');
    const disabled = await endpoints('disable', 'shop-off/main', '--because', 'Their contract ended.');
    expect(disabled.code).toBe(0);
    expect(disabled.stdout).toMatch(
      /^account \d{12}, region \S+, stage "dev"\ndisables shop-off\/main, which is enabled; .*Their contract ended\./,
    );
    expect((await endpoints('list', 'shop-off')).stdout).toMatch(
      /main: disabled 2\S+Z: Their contract ended\.\n/,
    );
    const enabled = await endpoints('enable', 'shop-off/main');
    expect(enabled.stdout).toMatch(/enables shop-off\/main, which is disabled 2\S+Z: Their contract ended\./);
    expect(enabled.stdout).toContain('npx honest-jobs redrive deliver-webhook');
    expect(enabled.stdout).toContain('npx honest-jobs endpoints replay shop-off/main --from FILE');
    expect(await found('shop-off')).toMatchObject([{ state: 'enabled' }]);
  });

  it('exit 1 for an endpoint that is not there, and 2 for what names none', async () => {
    for (const verb of ['enable', 'disable', 'rotate', 'remove', 'deliveries']) {
      expect(await endpoints(verb, 'shop-off/none')).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('There is no endpoint shop-off/none.'),
      });
      expect((await endpoints(verb, 'shop-off')).code).toBe(2);
    }
  });
});

describe('honest-jobs endpoints change', () => {
  it('shows what it will change, and changes that alone', async () => {
    await register('shop-moved', '--id', 'main', '--contact', 'ops@example.com');
    const [before] = await found('shop-moved');
    const to = ['--url', 'https://new.example.com/', '--contact', 'none'];
    const no = await commands.atTerminal('n', 'endpoints', 'change', 'shop-moved/main', ...to);
    expect(no).toMatchObject({ code: 1, asked: ['Go on? (y/N) '] });
    expect(await found('shop-moved')).toEqual([before]);
    const { code, stdout } = await endpoints('change', 'shop-moved/main', ...to);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^account \d{12}, region \S+, stage "dev"\nchanges shop-moved\/main, which is enabled\n {2}url from https:\/\/hooks\S+\n {6}to {3}https:\/\/new\.example\.com\/\n {2}contact from ops@example\.com\n {10}to {3}nobody\n/,
    );
    expect(stdout).not.toContain('events');
    const { contact: _, ...others } = before ?? { contact: '' };
    expect(await found('shop-moved')).toEqual([{ ...others, url: 'https://new.example.com/' }]);
  });

  it('refuses an address before it asks, and what changes nothing', async () => {
    await register('shop-stays', '--id', 'main');
    const refused = await endpoints('change', 'shop-stays/main', '--url', 'https://10.0.0.1/');
    expect(refused).toMatchObject({
      code: 1,
      asked: [],
      stderr: expect.stringContaining('not on the public'),
    });
    expect((await endpoints('change', 'shop-stays/main')).code).toBe(2);
  });
});

describe('honest-jobs endpoints remove', () => {
  it('asks first, and forgets it', async () => {
    await register('shop-ended', '--id', 'main');
    expect((await commands.atTerminal('n', 'endpoints', 'remove', 'shop-ended/main')).code).toBe(1);
    expect(await found('shop-ended')).toHaveLength(1);
    const { code, stdout } = await endpoints('remove', 'shop-ended/main');
    expect(code).toBe(0);
    expect(stdout).toMatch(/\nremoves shop-ended\/main, which is enabled, with its secrets/);
    expect(await found('shop-ended')).toEqual([]);
  });
});

describe('honest-jobs endpoints replay', () => {
  const line = (id: string, type = 'order.placed') =>
    JSON.stringify({ id, type, occurredAt: '2026-11-25T10:00:00Z', data: { id } });
  const fileOf = (...lines: string[]): string => {
    const file = join(mkdtempSync(join(tmpdir(), 'honest-jobs-replay-')), 'events.ndjson');
    writeFileSync(file, `${lines.join('\n')}\n`);
    return file;
  };

  it('publishes a delivery of each event that the endpoint asks for, once', async () => {
    await register('shop-again', '--id', 'main');
    const file = fileOf(line('e-1'), line('e-2'), line('e-2'), line('e-3', 'invoice.paid'));
    const { code, stdout } = await endpoints('replay', 'shop-again/main', '--from', file);
    expect(code).toBe(0);
    expect(stdout).toContain('publishes 2 deliveries to shop-again/main, which is enabled; of 4 events');
    expect(stdout).toContain('2 published.');
    for (const id of ['e-1', 'e-2'])
      await lab.until(async () => Boolean(await lab.record(JOBS.deliverWebhook, `shop-again/main/${id}`)));
  });

  it('publishes nothing to one that is disabled, and nothing of a file with a line that is no event', async () => {
    await register('shop-shut', '--id', 'main');
    const bad = await endpoints('replay', 'shop-shut/main', '--from', fileOf(line('e-1'), '{"id":'));
    expect(bad).toMatchObject({ code: 2, asked: [], stderr: expect.stringContaining('Line 2 is no event') });
    expect((await endpoints('replay', 'shop-shut/main', '--from', '/none')).code).toBe(2);
    expect((await endpoints('replay', 'shop-shut/main')).code).toBe(2);
    await endpoints('disable', 'shop-shut/main');
    const shut = await endpoints('replay', 'shop-shut/main', '--from', fileOf(line('e-1')));
    expect(shut).toMatchObject({ code: 1, asked: [], stdout: expect.stringContaining('enable it first') });
  });
});

describe('honest-jobs endpoints rotate', () => {
  it('prints a new secret once, and lets the former one sign for the overlap', async () => {
    await register('shop-key', '--id', 'main');
    const [before] = await found('shop-key');
    const { code, stdout } = await endpoints('rotate', 'shop-key/main', '--overlap', '2h');
    expect(code).toBe(0);
    expect(stdout).toContain('the former one signs, too, for 7200 s more');
    const [after] = await found('shop-key');
    expect(stdout.split(after?.secrets[0]?.secret ?? 'none')).toHaveLength(2);
    expect(after?.secrets[1]).toMatchObject({ secret: before?.secrets[0]?.secret });
    expect((await endpoints('list', 'shop-key')).stdout).toMatch(/a former one signs, too, until 2\S+Z/);
  });

  it('says that no former one signs where there is no overlap', async () => {
    await register('shop-key-lost', '--id', 'main');
    const { stdout } = await endpoints('rotate', 'shop-key-lost/main', '--overlap', '0s');
    expect(stdout).toContain('no former one signs any more');
    expect(stdout).toContain('signed with the new secret alone from now on');
    expect(stdout).not.toContain('both');
  });

  it.each(['8d', 'soon'])('refuses an overlap of %s', async (overlap) => {
    await register('shop-span', '--id', 'main');
    const before = await found('shop-span');
    expect((await endpoints('rotate', 'shop-span/main', '--overlap', overlap)).code).toBe(2);
    expect(await found('shop-span')).toEqual(before);
  });
});

describe('honest-jobs endpoints deliveries', () => {
  it('tells the newest attempts, with what the server answered where all is asked for', async () => {
    const atMs = lab.cloud.clock.now();
    for (let index = 0; index < 40; index++)
      await deliver('shop-seen', `e-${index % 20}`, {
        atMs: atMs + index,
        attempt: 1 + Math.floor(index / 20),
        ...(index < 20
          ? { outcome: 'failed', status: 503, code: 'HTTP_503', answer: 'no \u001b[31mroom' }
          : { outcome: 'delivered', status: 204 }),
      });
    const told = await endpoints('deliveries', 'shop-seen/main');
    expect(told.code).toBe(0);
    expect(told.stdout).toContain('40 deliveries to shop-seen/main in 30 days, the last 30 (--all');
    expect(told.stdout.split('\n')).toHaveLength(31);
    expect(told.stdout).toMatch(/attempt 2: delivered \(204\) in 12 ms, order\.placed e-19$/);
    expect(told.stdout).not.toContain('room');
    const one = await endpoints('deliveries', 'shop-seen/main', '--event', 'e-3', '--all');
    expect(one.stdout).toContain('2 deliveries to shop-seen/main');
    expect(one.stdout).toMatch(
      /attempt 1: failed \(HTTP_503\) in 12 ms.*\n {4}answered: no {1,2}\[31mroom\n/,
    );
    expect(one.stdout).toContain('job deliver-webhook#shop-seen/main/e-3');
    // Removed, and yet known by what it was told.
    expect((await endpoints('deliveries', 'shop-seen/other')).stderr).toContain(
      'There is no endpoint shop-seen/other.',
    );
    await register('shop-quiet', '--id', 'main');
    expect(await endpoints('deliveries', 'shop-quiet/main')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('0 deliveries to shop-quiet/main'),
    });
  });
});

describe('honest-jobs endpoints', () => {
  it('refuses a verb that it does not know, and an option of another verb', async () => {
    expect(await endpoints('forget', 'shop-1/main')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(
        '"endpoints" knows register, list, change, enable, disable, rotate, replay, remove, deliveries',
      ),
    });
    expect(await endpoints('list', 'shop-1', '--because', 'x')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('"endpoints list" has no option --because'),
    });
    expect(await endpoints('register', 'shop-1', '--events', '*')).toMatchObject({ code: 2 });
    expect(await commands.atTerminal('y', 'dead', 'send-email', '--url', 'x')).toMatchObject({ code: 2 });
  });
});

async function deliver(tenant: string, eventId: string, changes: Partial<WebhookDelivery>): Promise<void> {
  const atMs = changes.atMs ?? 0;
  const Item = {
    tenant,
    delivery: deliverySortKey({ endpointId: 'main', eventId }, atMs),
    endpointId: 'main',
    eventId,
    eventType: 'order.placed',
    durationMs: 12,
    expiration: 4_000_000_000,
    ...changes,
  };
  await lab.dynamo.send(new PutCommand({ TableName: tableName(STAGE, 'webhook-deliveries'), Item }));
}
