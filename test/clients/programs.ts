import { execFile, spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { LocalCloud } from '../../local/cloud.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Why tests that need a program are skipped; empty where it is there. */
export const ABSENT = {
  awsCli: unlessRuns('the AWS CLI', 'aws', ['--version']),
  boto3: unlessRuns('python3 with boto3', 'python3', ['-c', 'import boto3']),
};

function unlessRuns(what: string, program: string, args: readonly string[]): string {
  if (spawnSync(program, args, { stdio: 'ignore' }).status === 0) return '';
  const reason = `${what} is not on the PATH (pip install -r test/clients/requirements.txt)`;
  console.warn(`Tests skipped: ${reason}`);
  return reason;
}

/** An environment that leads to the cloud and nowhere else: no profile or setting of the machine's user plays a part. */
export function environmentOf(cloud: LocalCloud): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'));
  return {
    ...Object.fromEntries(inherited),
    ...cloud.environment,
    AWS_CONFIG_FILE: join(ROOT, 'no-such-file'),
    AWS_SHARED_CREDENTIALS_FILE: join(ROOT, 'no-such-file'),
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_PAGER: '',
    // This Node, for a command of ours among theirs.
    PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
  };
}

/** Runs a program to its end. @returns what it printed @throws with what it complained of */
export async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const { stdout } = await promisify(execFile)(program, [...args], { cwd: ROOT, env });
  return stdout;
}

/** The AWS CLI as people call it, led by `--endpoint-url` alone. @returns its JSON; `undefined` where it prints nothing */
export async function aws(cloud: LocalCloud, ...args: string[]): Promise<unknown> {
  const { AWS_ENDPOINT_URL: _, ...env } = environmentOf(cloud);
  const printed = await run('aws', ['--endpoint-url', cloud.endpoint, '--output', 'json', ...args], env);
  return printed.trim() === '' ? undefined : JSON.parse(printed);
}
