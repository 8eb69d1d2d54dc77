import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CDK = fileURLToPath(new URL('../node_modules/aws-cdk/bin/cdk', import.meta.url));
const MOST_OUTPUT_BYTES = 64 * 1024 * 1024;

/**
 * Runs the CDK's own command from the project's root.
 *
 * @param environment beside the process's own, such as another endpoint
 * @returns what it printed
 * @throws Error with what it printed, where it fails
 */
export async function cdk(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [CDK, ...args], {
    cwd: ROOT,
    maxBuffer: MOST_OUTPUT_BYTES,
    env: { ...process.env, CDK_DISABLE_CLI_TELEMETRY: 'true', ...environment },
  });
  return stdout;
}
