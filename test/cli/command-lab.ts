import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { vi } from 'vitest';
import { main } from '../../cli/honest-jobs.ts';
import type { Terminal } from '../../cli/terminal.ts';
import { tableName } from '../../shared/jobs/names.ts';
import type { StepRecord } from '../../shared/jobs/record.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import { STAGE } from '../lab/global-setup.ts';
import { Lab } from '../lab/lab.ts';

const PROGRAM = fileURLToPath(new URL('../../cli/honest-jobs.mjs', import.meta.url));
export const payment = { accountId: 'acc-cli', amountMinor: 5, currency: 'EUR' };

/** A lab of the deployed app, and the `honest-jobs` command that looks at it. */
export class CommandLab {
  readonly lab: Lab;

  /** Starts it with a payment done twice (`job-good`, `job-again`), one that is dead (`job-dead`), and a letter that is no job. */
  static async start(assembly: string): Promise<CommandLab> {
    const started = new CommandLab(await Lab.start({ assembly, stage: STAGE }));
    const { lab } = started;
    await started.openAccount('acc-cli');
    await lab.publish(JOBS.processPayment, { ...payment, transactionId: 'tx-good' }, { id: 'job-good' });
    await lab.drain();
    await lab.publish(JOBS.processPayment, { ...payment, transactionId: 'tx-good' }, { id: 'job-again' });
    await started.dieFor('tx-dead', 'acc-none', 'job-dead');
    await lab.send(JOBS.processPayment, 'no JSON');
    await lab.drain();
    return started;
  }

  /** The command alone, on a lab of another assembly. */
  static on(lab: Lab): CommandLab {
    return new CommandLab(lab);
  }

  private constructor(lab: Lab) {
    this.lab = lab;
  }

  async openAccount(accountId: string): Promise<void> {
    await this.lab.dynamo.send(
      new PutCommand({
        TableName: tableName(STAGE, 'accounts'),
        Item: { accountId, balanceMinor: 10, currency: 'EUR' },
      }),
    );
  }

  /** A payment of an account that is not there, which is dead-lettered at once. */
  async dieFor(transactionId: string, accountId: string, id: string): Promise<void> {
    await this.lab.publish(JOBS.processPayment, { ...payment, transactionId, accountId }, { id });
    await this.lab.drain();
  }

  /** As a process killed in a step leaves it behind. */
  async leaveUncertain(key: string): Promise<void> {
    const atMs = this.lab.cloud.clock.now();
    const step: StepRecord = {
      pk: `process-payment#${key}`,
      sk: 'step#call',
      state: 'begun',
      owner: 'gone',
      firstBegunAtMs: atMs,
      begunAtMs: atMs,
      expiration: Math.ceil(atMs / 1000) + 86_400,
    };
    await this.lab.dynamo.send(new PutCommand({ TableName: tableName(STAGE, 'jobs'), Item: step }));
  }

  /** Runs the command as a program of its own, without a terminal. */
  async run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const { endpoint, environment } = this.lab.cloud;
    try {
      const { stdout, stderr } = await promisify(execFile)(
        process.execPath,
        [PROGRAM, ...args, '--endpoint-url', endpoint],
        { env: { ...process.env, ...environment } },
      );
      return { code: 0, stdout, stderr };
    } catch (error) {
      return error as { code: number; stdout: string; stderr: string };
    }
  }

  /** The same in the test's own process, with a person at a terminal who answers so; `undefined`: nobody is there. */
  async atTerminal(answer: string | undefined, ...args: string[]) {
    const printed: string[] = [];
    const asked: string[] = [];
    const terminal: Terminal = {
      interactive: answer !== undefined,
      print: (text) => void printed.push(text),
      ask: async (question) => {
        asked.push(question);
        return answer ?? '';
      },
    };
    for (const [name, value] of Object.entries(this.lab.cloud.environment)) vi.stubEnv(name, value);
    const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      const code = await main([...args, '--endpoint-url', this.lab.cloud.endpoint], terminal);
      return { code, stdout: printed.join('\n'), stderr: stderr.mock.calls.join(''), asked };
    } finally {
      stderr.mockRestore();
      vi.unstubAllEnvs();
    }
  }

  async stop(): Promise<void> {
    await this.lab.stop();
  }
}
