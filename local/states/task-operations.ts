import { AwsError } from '../kernel/errors.ts';
import type { Operation } from '../kernel/json-protocol.ts';
import { type Input, text } from './input.ts';
import type { StepFunctions } from './states.ts';
import { PAYLOAD_LIMIT_BYTES } from './visit.ts';

export function taskOperations(states: StepFunctions): Readonly<Record<string, Operation>> {
  return {
    async SendTaskSuccess(input: Input) {
      await states.endTask(text(input, 'taskToken'), { output: outputIn(input) });
    },
    async SendTaskFailure(input: Input) {
      const { error, cause } = input as { error?: string; cause?: string };
      await states.endTask(text(input, 'taskToken'), { error, cause });
    },
    async SendTaskHeartbeat(input: Input) {
      await states.heartbeat(text(input, 'taskToken'));
    },
  };
}

function outputIn(input: Input): unknown {
  const output = text(input, 'output');
  try {
    if (Buffer.byteLength(output) <= PAYLOAD_LIMIT_BYTES) return JSON.parse(output) as unknown;
  } catch {
    // Told below, as what is too long.
  }
  throw new AwsError('InvalidOutput', "Invalid Output: 'The output is no JSON of at most 262144 bytes'");
}
