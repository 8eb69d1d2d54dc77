import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { installed, missing } from './installation.ts';

const COMPOSE_FILE = fileURLToPath(new URL('compose.yaml', import.meta.url));
const START_WITHIN_MS = 180_000;
const STOP_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 250;

export interface LocalStack {
  readonly endpoint: string;
  readonly version: string;
  /** `docker`, or `host` for a process of this machine. */
  readonly how: 'docker' | 'host';
  /** Ends it, and what it had. */
  stop(): Promise<void>;
}

/** What this machine lacks in order to run LocalStack in either way; empty where it can. */
export function lacking(): string[] {
  if (hasDocker()) return [];
  const lacks = missing();
  return lacks.length === 0 ? [] : ['Docker with Compose, or else:', ...lacks];
}

/**
 * Starts LocalStack on a free port of loopback: in Docker where a daemon answers, else as a process of this machine.
 *
 * @param says told of what takes its time
 * @throws Error where it does not answer within three minutes, with its log's place
 */
export async function startLocalStack(says: (what: string) => void): Promise<LocalStack> {
  const port = await freePort();
  return hasDocker() ? inDocker(port, says) : onHost(port, says);
}

function hasDocker(): boolean {
  return ['info', 'compose version'].every(
    (command) =>
      spawnSync('docker', command.split(' '), { stdio: 'ignore', timeout: START_WITHIN_MS }).status === 0,
  );
}

async function inDocker(port: number, says: (what: string) => void): Promise<LocalStack> {
  says('LocalStack starts in Docker; its image is fetched first where it is not there.');
  const project = `honest-jobs-${port}`;
  const compose = (...args: string[]): void => {
    const { status, stderr } = spawnSync('docker', ['compose', '-f', COMPOSE_FILE, '-p', project, ...args], {
      encoding: 'utf8',
      env: { ...process.env, LOCALSTACK_PORT: String(port) },
    });
    if (status !== 0) throw new Error(`docker compose ${args[0]} failed:\n${stderr}`);
  };
  compose('up', '--detach');
  const stop = async (): Promise<void> => compose('down', '--volumes');
  return answering(port, 'docker', stop, 'docker compose logs');
}

async function onHost(port: number, says: (what: string) => void): Promise<LocalStack> {
  const home = await installed(() => says('LocalStack is installed, about 550 MB: a few minutes, once.'));
  // Its own state, functions and metrics: nothing of one run is in another.
  const state = mkdtempSync(join(home, 'run-'));
  const temporary = join(state, 'tmp');
  mkdirSync(temporary);
  // Functions are unpacked beneath: else this project's own package.json would make ES modules of them.
  writeFileSync(join(state, 'package.json'), '{}');
  const logFile = join(home, 'localstack.log');
  const child = spawn(join(home, 'venv/bin/python'), ['-m', 'localstack.runtime.main'], {
    cwd: state,
    env: { ...withoutAws(), ...hostSettings(home, state, temporary, port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = createWriteStream(logFile);
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const stop = async (): Promise<void> => {
    await ended(child);
    log.end();
    rmSync(state, { recursive: true, force: true });
  };
  return answering(port, 'host', stop, logFile, child);
}

function hostSettings(
  home: string,
  state: string,
  temporary: string,
  port: number,
): Readonly<Record<string, string>> {
  return {
    LOCALSTACK_HOST_DYNAMODB: join(home, 'dynamodb'),
    // Functions run on the Node that the template names.
    LOCALSTACK_HOST_NODE: process.execPath,
    FILESYSTEM_ROOT: state,
    TMPDIR: temporary,
    GATEWAY_LISTEN: `127.0.0.1:${port}`,
    LOCALSTACK_HOST: `127.0.0.1:${port}`,
    SQS_ENDPOINT_STRATEGY: 'path',
    DNS_ADDRESS: '0',
    SKIP_SSL_CERT_DOWNLOAD: '1',
    DISABLE_EVENTS: '1',
    EAGER_SERVICE_LOADING: '0',
    LAMBDA_RUNTIME_EXECUTOR: 'process',
    LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC: '0.05',
    LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC: '1',
    PROVIDER_OVERRIDE_DYNAMODB: 'v2',
    PROVIDER_OVERRIDE_DYNAMODBSTREAMS: 'v2',
    DYNAMODB_IN_MEMORY: '1',
    SQS_CLOUDWATCH_METRICS_REPORT_INTERVAL: '10',
  };
}

async function answering(
  port: number,
  how: LocalStack['how'],
  stop: () => Promise<void>,
  log: string,
  child?: ChildProcess,
): Promise<LocalStack> {
  const endpoint = `http://127.0.0.1:${port}`;
  const endMs = Date.now() + START_WITHIN_MS;
  while (Date.now() < endMs && (child === undefined || child.exitCode === null)) {
    const version = await versionAt(endpoint);
    if (version !== undefined) return { endpoint, version, how, stop };
    await sleep(LOOK_EVERY_MS);
  }
  await stop();
  throw new Error(`LocalStack did not come up at ${endpoint}: see ${log}.`);
}

async function versionAt(endpoint: string): Promise<string | undefined> {
  try {
    const answer = await fetch(`${endpoint}/_localstack/health`, { signal: AbortSignal.timeout(3000) });
    return ((await answer.json()) as { version: string }).version;
  } catch {
    return undefined;
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
  await exit;
  clearTimeout(late);
}

/** No profile, endpoint or credential of the machine's user plays a part. */
function withoutAws(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_')));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
