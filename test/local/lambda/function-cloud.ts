import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InvokeCommand, type InvokeCommandInput, LambdaClient } from '@aws-sdk/client-lambda';
import { type LocalCloud, type LocalCloudOptions, startLocalCloud } from '../../../local/cloud.ts';
import { RunningClock } from '../../../local/kernel/clock.ts';
import type { LogLine } from '../../../local/lambda/index.ts';
import { writeAssembly } from '../template/write-assembly.ts';

const FIXTURES = ['probe', 'module', 'broken', 'callback', 'sender'];
const SDK = fileURLToPath(new URL('../../../node_modules/@aws-sdk', import.meta.url));

export interface FunctionCloud {
  readonly cloud: LocalCloud;
  readonly client: LambdaClient;
  readonly lines: LogLine[];
  /** Invokes a function and parses what it answers. */
  invoke(name: string, event: object, input?: Partial<InvokeCommandInput>): Promise<Answer>;
  stop(): Promise<void>;
}

export interface Answer {
  readonly error: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into what they know
  readonly payload: any;
  readonly logTail: string;
}

/** A function of the template, its code a fixture's. */
export function functionResource(fixture: string, properties: object = {}): object {
  return {
    Type: 'AWS::Lambda::Function',
    Properties: {
      Code: { S3Bucket: 'assets', S3Key: `${fixture}.zip` },
      FunctionName: fixture,
      Handler: 'index.handler',
      Runtime: 'nodejs24.x',
      Role: 'arn:aws:iam::000000000000:role/some',
      Timeout: 10,
      MemorySize: 128,
      ...properties,
    },
  };
}

/** An assembly whose functions' code lies within an ES module package that has a dependency and the SDK, as in a project. */
export function functionAssembly(resources: object): string {
  const assets = FIXTURES.map((name) => [name, fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))]);
  const directory = writeAssembly(
    { App: { template: { Resources: resources } } },
    Object.fromEntries(assets) as Record<string, string>,
  );
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  mkdirSync(join(directory, 'node_modules/neighbour'), { recursive: true });
  writeFileSync(join(directory, 'node_modules/neighbour/index.js'), 'export default 1');
  symlinkSync(SDK, join(directory, 'node_modules/@aws-sdk'));
  return directory;
}

export async function startFunctions(
  resources: object,
  options: Partial<LocalCloudOptions> = {},
): Promise<FunctionCloud> {
  const lines: LogLine[] = [];
  const cloud = await startLocalCloud({
    assembly: functionAssembly(resources),
    clock: new RunningClock(),
    onLog: (line) => lines.push(line),
    ...options,
  });
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new LambdaClient({
    endpoint: cloud.endpoint,
    region: cloud.region,
    credentials,
    maxAttempts: 1,
  });
  return {
    cloud,
    client,
    lines,
    async invoke(name, event, input = {}) {
      const answer = await client.send(
        new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(event), ...input }),
      );
      const payload = answer.Payload?.transformToString();
      return {
        error: answer.FunctionError,
        payload: payload ? JSON.parse(payload) : undefined,
        logTail: Buffer.from(answer.LogResult ?? '', 'base64').toString('utf8'),
      };
    },
    async stop() {
      client.destroy();
      await cloud.stop();
    },
  };
}
