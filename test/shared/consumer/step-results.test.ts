import type { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { StepResults } from '../../../shared/consumer/step-results.ts';

/** The longest type, the longest name of a step within a stage's run for an item, and a result that no record holds. */
const RUN = { type: `t${'x'.repeat(30)}`, key: 'k', owner: '0d5a2c3e-7f4b-4c8e-9a51-6b1f0e2d3c4b' };
const WITHIN = `stage/${'s'.repeat(60)}[4096]/`;
const LARGE = 'r'.repeat(300_001);

async function keyOf(step: string): Promise<string> {
  const keys: string[] = [];
  const s3 = {
    send: async (command: PutObjectCommand) => void keys.push(command.input.Key ?? ''),
  } as unknown as S3Client;
  await new StepResults('bucket', async () => s3).keep(RUN, step, LARGE);
  return keys.join();
}

describe('the object that keeps a large result', () => {
  it.each(['漢'.repeat(100), '😀'.repeat(50), 'n'.repeat(100)])(
    'has a key that S3 takes, whatever the name of its step (%s)',
    async (name) => {
      const key = await keyOf(WITHIN + name);
      expect(Buffer.byteLength(key)).toBeLessThanOrEqual(1024);
      expect(key).not.toBe(await keyOf(`${WITHIN}${name.slice(2)}`));
    },
  );

  it('is found by a person by a name of a usual length', async () => {
    expect(await keyOf('charge')).toContain('/charge/');
  });
});
