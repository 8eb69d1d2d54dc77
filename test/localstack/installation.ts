import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const HOST = fileURLToPath(new URL('host', import.meta.url));
const HOMES = fileURLToPath(new URL('../../.honest-jobs/localstack', import.meta.url));
const INSTALLED = '.installed';
/** What the pinned requirements were tried with; of newer ones some have no wheels. */
const PYTHON_VERSIONS = ['3.13', '3.12'];
const JAVA_LEAST = 17;

/** What installing LocalStack needs and this machine has not; each a sentence. Empty: it can be installed. */
export function missing(): string[] {
  return [
    ...(python()
      ? []
      : [`Python ${PYTHON_VERSIONS.at(-1)} to ${PYTHON_VERSIONS[0]} (HONEST_JOBS_PYTHON names one)`]),
    ...(javaVersion() >= JAVA_LEAST && runs('javac', ['-version'])
      ? []
      : [`a JDK of version ${JAVA_LEAST} or newer, for DynamoDB Local`]),
    ...(runs('mvn', ['-version']) ? [] : ['Maven, for DynamoDB Local']),
  ];
}

/**
 * LocalStack with what it needs, about 550 MB, in a folder of its own for this very content of `host/`; installed once, and then found there.
 *
 * @param begins called where it is not there yet and the minutes begin
 * @returns the folder
 */
export async function installed(begins: () => void = () => {}): Promise<string> {
  const home = join(HOMES, contentHash());
  if (existsSync(join(home, INSTALLED))) return home;
  begins();
  for (const old of existsSync(HOMES) ? readdirSync(HOMES) : [])
    rmSync(join(HOMES, old), { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  const venv = join(home, 'venv');
  const pip = (...args: string[]) =>
    run(join(venv, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', ...args]);
  const dynamodb = join(home, 'dynamodb');
  await run(python() ?? 'python3', ['-m', 'venv', venv]);
  await Promise.all([
    pip('--requirement', join(HOST, 'requirements.txt')),
    run('mvn', [
      ...['--quiet', '--file', join(HOST, 'dynamodb-local.pom.xml'), 'dependency:copy-dependencies'],
      `-DoutputDirectory=${dynamodb}`,
    ]),
  ]);
  const source = join(home, 'source');
  cpSync(HOST, source, { recursive: true });
  const adapter = join(source, 'localstack_host');
  await run('javac', ['-cp', join(dynamodb, '*'), '-d', adapter, join(adapter, 'LoopbackDynamoDb.java')]);
  await pip('--no-deps', '--no-build-isolation', source);
  writeFileSync(join(home, INSTALLED), '');
  return home;
}

function contentHash(): string {
  const hash = createHash('sha256');
  for (const file of globSync('**/*.*', { cwd: HOST }).sort())
    if (!file.includes('__pycache__')) hash.update(`${file}\0`).update(readFileSync(join(HOST, file)));
  return hash.digest('hex').slice(0, 16);
}

function python(): string | undefined {
  const { HONEST_JOBS_PYTHON: named } = process.env;
  const candidates = PYTHON_VERSIONS.flatMap((version) => [
    `python${version}`,
    ...globSync(join(homedir(), `.pyenv/versions/${version}.*/bin/python`)),
  ]);
  const fits = `import sys, venv, ensurepip; sys.exit("%d.%d" % sys.version_info[:2] not in ${JSON.stringify(PYTHON_VERSIONS)})`;
  return [...(named ? [named] : [...candidates, 'python3'])].find((one) => runs(one, ['-c', fits]));
}

/** The major version; 0 where there is none. */
function javaVersion(): number {
  const { stderr = '', error } = spawnSync('java', ['-version'], { encoding: 'utf8' });
  return error ? 0 : Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0);
}

function runs(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

async function run(program: string, args: readonly string[]): Promise<void> {
  await promisify(execFile)(program, [...args], { maxBuffer: 64 * 1024 * 1024 });
}
