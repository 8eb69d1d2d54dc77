import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveByDns } from '../../../shared/outbound/public-request.ts';

const A = 1;
const AAAA = 28;
const NO_SUCH_NAME = 3;

/** Name → type → the addresses in bytes; a name that is not there does not exist. */
const ZONE: Readonly<Record<string, Readonly<Record<number, readonly number[][]>>>> = {
  'both.example': { [A]: [[93, 184, 216, 34]], [AAAA]: [[0x26, 0x06, 0x47, 0, ...Array(11).fill(0), 1]] },
  'four.example': {
    [A]: [
      [93, 184, 216, 34],
      [10, 0, 0, 1],
    ],
  },
  'six.example': { [AAAA]: [[0x20, 0x01, ...Array(13).fill(0), 1]] },
  'none.example': {},
};

let server: Socket;
let servers: string[];
beforeAll(async () => {
  server = createSocket('udp4', (query, { port, address }) => server.send(answerTo(query), port, address));
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  servers = [`127.0.0.1:${server.address().port}`];
});
afterAll(() => server.close());

/** https://www.rfc-editor.org/rfc/rfc1035#section-4 */
function answerTo(query: Buffer): Buffer {
  let at = 12;
  const labels: string[] = [];
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  const type = query.readUInt16BE(at + 1);
  const records = ZONE[labels.join('.').toLowerCase()];
  const found = records?.[type] ?? [];
  const header = Buffer.alloc(12);
  header.writeUInt16BE(query.readUInt16BE(0), 0);
  header.writeUInt16BE(0x8180 | (records ? 0 : NO_SUCH_NAME), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(found.length, 6);
  const answers = found.map((bytes) => {
    const record = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, bytes.length]);
    return Buffer.concat([record, Buffer.from(bytes)]);
  });
  return Buffer.concat([header, query.subarray(12, at + 5), ...answers]);
}

describe('a name', () => {
  it.each([
    ['both.example', ['93.184.216.34', '2606:4700::1']],
    ['four.example', ['93.184.216.34', '10.0.0.1']],
    ['six.example', ['2001::1']],
  ])('%s leads to %j, all of which are looked at', async (name, addresses) => {
    const found = await resolveByDns(name, servers);
    expect(found.map(({ address }) => address).toSorted()).toEqual(addresses.toSorted());
    for (const { address, family } of found) expect(family).toBe(address.includes(':') ? 6 : 4);
  });

  it.each([
    ['none.example', 'ENODATA'],
    ['unknown.example', 'ENOTFOUND'],
  ])('%s leads nowhere', async (name, code) => {
    await expect(resolveByDns(name, servers)).rejects.toMatchObject({ code });
  });
});
