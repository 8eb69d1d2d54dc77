import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { CreateFunctionCommand, type LambdaClient, waitUntilFunctionActiveV2 } from '@aws-sdk/client-lambda';
import type { Provisioned, ResourceIdentity } from '../../local/kernel/resources.ts';
import type { Lambda } from '../../local/lambda/index.ts';

/** A function of a suite: a folder beside it with an `index.js`. */
export interface SuiteFunction {
  readonly name: string;
  readonly folder: string;
  /** @default 5 */
  readonly timeoutSeconds?: number | undefined;
  /** Of the embedded cloud's template. */
  readonly reservedConcurrency?: number | undefined;
}

/** Makes it by the API. */
export async function createFunction(client: LambdaClient, made: SuiteFunction): Promise<void> {
  await client.send(
    new CreateFunctionCommand({
      FunctionName: made.name,
      // The role's account must exist on AWS; LocalStack takes any.
      Role: process.env.CONFORMANCE_ROLE_ARN ?? 'arn:aws:iam::000000000000:role/conformance',
      Handler: 'index.handler',
      Runtime: 'nodejs22.x',
      Timeout: made.timeoutSeconds ?? 5,
      Code: { ZipFile: zipped('index.js', readFileSync(`${directoryOf(made)}/index.js`)) },
    }),
  );
  await waitUntilFunctionActiveV2({ client, maxWaitTime: 60 }, { FunctionName: made.name });
}

/** Makes it as the embedded cloud makes functions, from a template's properties. @returns what makes resources beside it */
export function deployFunction(lambda: Lambda, made: SuiteFunction) {
  const provision = (type: string, properties: object, logicalId = made.name): Provisioned => {
    const identity: ResourceIdentity = {
      stackName: 'Conformance',
      logicalId,
      metadata: {},
      generatedName: (maxLength) => logicalId.slice(0, maxLength),
      assetDirectory: () => directoryOf(made),
    };
    const provider = lambda.providers().find((candidate) => candidate.type === type);
    if (!provider) throw new Error(`the embedded Lambda provides no ${type}`);
    return provider.provision({ ...properties }, identity);
  };
  provision('AWS::Lambda::Function', {
    FunctionName: made.name,
    Handler: 'index.handler',
    Runtime: 'nodejs24.x',
    Timeout: made.timeoutSeconds ?? 5,
    Code: { S3Key: 'handler.zip' },
    ReservedConcurrentExecutions: made.reservedConcurrency,
  });
  return provision;
}

function directoryOf({ folder }: SuiteFunction): string {
  return fileURLToPath(new URL(folder, import.meta.url));
}

/** One file, stored: local header, central directory, end. */
function zipped(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(26);
  header.writeUInt16LE(20, 0);
  header.writeUInt32LE(crc32(content), 10);
  header.writeUInt32LE(content.length, 14);
  header.writeUInt32LE(content.length, 18);
  header.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), header, Buffer.from(name), content]);
  const attributes = Buffer.alloc(14);
  attributes.writeUInt32LE((0o100644 << 16) >>> 0, 6);
  const central = Buffer.concat([Buffer.from('PK\x01\x02\x14\x03'), header, attributes, Buffer.from(name)]);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(1, 4);
  end.writeUInt16LE(1, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(local.length, 12);
  return Buffer.concat([local, central, Buffer.from('PK\x05\x06'), end]);
}
