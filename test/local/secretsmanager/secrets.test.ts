import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
} from '@aws-sdk/client-secrets-manager';
import { describe, expect, it } from 'vitest';
import { LocalCloudError } from '../../../local/kernel/errors.ts';
import { SecretsLab } from './secrets-lab.ts';

const NAME = 'shop/dev/provider';
const GENERATED = {
  Name: NAME,
  GenerateSecretString: { SecretStringTemplate: '{"url":""}', GenerateStringKey: 'apiKey' },
};
const TOKEN = 'token-of-at-least-thirty-two-characters';

const readValue = async (lab: SecretsLab, SecretId = NAME): Promise<string | undefined> =>
  (await lab.client.send(new GetSecretValueCommand({ SecretId }))).SecretString;
const put = (lab: SecretsLab, SecretString: string, more = {}) =>
  lab.client.send(new PutSecretValueCommand({ SecretId: NAME, SecretString, ...more }));

describe("a template's secret", () => {
  it('begins with a generated text, added to what its template says', async () => {
    await using lab = await SecretsLab.open();
    lab.provision(GENERATED);
    const { url, apiKey } = JSON.parse((await readValue(lab)) ?? '');
    expect(url).toBe('');
    expect(apiKey).toHaveLength(32);
    for (const type of [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/]) expect(apiKey).toMatch(type);
  });

  it('has the characters and the length that were asked for', async () => {
    await using lab = await SecretsLab.open();
    const GenerateSecretString = {
      PasswordLength: 200,
      ExcludePunctuation: true,
      ExcludeUppercase: 'true',
      ExcludeCharacters: 'aeiou01',
    };
    lab.provision({ Name: NAME, GenerateSecretString });
    expect(await readValue(lab)).toMatch(/^[b-df-hj-np-tv-z2-9]{200}$/);
  });

  it('has the text that the template gives, and a name that CloudFormation gives where it has none', async () => {
    await using lab = await SecretsLab.open();
    const { ref, attributes } = lab.provision({ SecretString: 'given' });
    expect(ref).toMatch(
      /^arn:aws:secretsmanager:us-east-1:000000000000:secret:Stack-Resource-1-[0-9a-z]{6}$/,
    );
    expect(attributes).toEqual({ Id: ref });
    expect(await readValue(lab, 'Stack-Resource-1')).toBe('given');
  });

  it('keeps what was put into it at the next deployment and over a restart', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'honest-jobs-secrets-'));
    try {
      let ref: string;
      {
        await using lab = await SecretsLab.open(directory);
        ({ ref } = lab.provision(GENERATED));
        await put(lab, 'mine');
      }
      await using lab = await SecretsLab.open(directory);
      expect(lab.provision(GENERATED).ref).toBe(ref);
      expect(await readValue(lab)).toBe('mine');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('is written over when what it was generated from changes, as CloudFormation does', async () => {
    await using lab = await SecretsLab.open();
    const { ref } = lab.provision({ Name: NAME, SecretString: 'one' });
    await put(lab, 'mine');
    expect(lab.provision({ Name: NAME, SecretString: 'two' }).ref).toBe(ref);
    expect(await readValue(lab)).toBe('two');
  });

  it.each([
    ['a property', { Novelty: 1 }, 'UNKNOWN_PROPERTY', 'the property "Novelty"'],
    [
      'an option of the generation',
      { GenerateSecretString: { Alphabet: 'ab' } },
      'UNKNOWN_PROPERTY',
      'the property "Alphabet"',
    ],
    ['no value', {}, 'INVALID_PROPERTY', 'needs SecretString or GenerateSecretString'],
  ])('is refused with %s that is not known', async (_what, properties, code, message) => {
    await using lab = await SecretsLab.open();
    expect(() => lab.provision(properties)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
    expect(() => lab.provision(properties)).toThrow(LocalCloudError);
  });

  it.each([
    [{ ExcludeLowercase: true, ExcludeUppercase: true, ExcludeNumbers: true, ExcludePunctuation: true }],
    [{ PasswordLength: 3 }],
    [{ SecretStringTemplate: '{}' }],
    [{ SecretStringTemplate: '[]', GenerateStringKey: 'key' }],
  ])('cannot be generated from %j', async (GenerateSecretString) => {
    await using lab = await SecretsLab.open();
    expect(() => lab.provision({ Name: NAME, GenerateSecretString })).toThrow(
      expect.objectContaining({ code: 'InvalidParameterException' }),
    );
  });
});

describe('a secret value', () => {
  it('is found by name, by ARN, and by an ARN without its random end', async () => {
    await using lab = await SecretsLab.open();
    const { ref } = lab.provision({ Name: NAME, SecretString: 'found' });
    for (const id of [NAME, ref, ref.slice(0, -7)]) expect(await readValue(lab, id)).toBe('found');
  });

  it('is the newest, and leaves the one before it as the previous', async () => {
    await using lab = await SecretsLab.open();
    lab.provision({ Name: NAME, SecretString: 'one' });
    await put(lab, 'two');
    const { VersionId, VersionStages } = await put(lab, 'three');
    expect(VersionStages).toEqual(['AWSCURRENT']);
    expect(await readValue(lab)).toBe('three');
    const previous = await lab.client.send(
      new GetSecretValueCommand({ SecretId: NAME, VersionStage: 'AWSPREVIOUS' }),
    );
    expect(previous.SecretString).toBe('two');
    const described = await lab.client.send(new DescribeSecretCommand({ SecretId: NAME }));
    expect(described).toMatchObject({ Name: NAME, ARN: expect.stringContaining(NAME) });
    expect(described.VersionIdsToStages).toEqual({
      [previous.VersionId ?? '']: ['AWSPREVIOUS'],
      [VersionId ?? '']: ['AWSCURRENT'],
    });
  });

  it('may be put under a label of its own, and is current only then when it is told to be', async () => {
    await using lab = await SecretsLab.open();
    lab.provision({ Name: NAME, SecretString: 'one' });
    const { VersionId } = await put(lab, 'pending', { VersionStages: ['AWSPENDING'] });
    expect(await readValue(lab)).toBe('one');
    const pending = await lab.client.send(new GetSecretValueCommand({ SecretId: NAME, VersionId }));
    expect(pending).toMatchObject({ SecretString: 'pending', VersionStages: ['AWSPENDING'] });
  });

  it('may be bytes', async () => {
    await using lab = await SecretsLab.open();
    lab.provision({ Name: NAME, SecretString: 'one' });
    const SecretBinary = Uint8Array.of(0, 255, 7);
    await lab.client.send(new PutSecretValueCommand({ SecretId: NAME, SecretBinary }));
    const read = await lab.client.send(new GetSecretValueCommand({ SecretId: NAME }));
    expect(read.SecretBinary).toEqual(SecretBinary);
    expect(read.SecretString).toBeUndefined();
  });

  it('is put once by the same request, and no other value under its token', async () => {
    await using lab = await SecretsLab.open();
    lab.provision({ Name: NAME, SecretString: 'one' });
    const first = await put(lab, 'two', { ClientRequestToken: TOKEN });
    expect(await put(lab, 'two', { ClientRequestToken: TOKEN })).toMatchObject({
      VersionId: first.VersionId,
    });
    await expect(put(lab, 'three', { ClientRequestToken: TOKEN })).rejects.toMatchObject({
      name: 'ResourceExistsException',
    });
    expect(await readValue(lab)).toBe('two');
  });
});

describe('Secrets Manager refuses', () => {
  it('what is not there: a secret, a version, a label', async () => {
    await using lab = await SecretsLab.open();
    lab.provision({ Name: NAME, SecretString: 'one' });
    for (const [input, message] of [
      [{ SecretId: 'other' }, "Secrets Manager can't find the specified secret."],
      [{ SecretId: NAME, VersionStage: 'AWSPREVIOUS' }, 'for staging label: AWSPREVIOUS'],
      [{ SecretId: NAME, VersionId: TOKEN }, `for VersionId: ${TOKEN}`],
    ] as const)
      await expect(lab.client.send(new GetSecretValueCommand(input))).rejects.toMatchObject({
        name: 'ResourceNotFoundException',
        message: expect.stringContaining(message),
      });
    await expect(put(lab, 'x', { SecretId: 'other' })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  it('a value that is too long, none, or two', async () => {
    await using lab = await SecretsLab.open();
    lab.provision({ Name: NAME, SecretString: 'one' });
    for (const value of [
      { SecretString: 'x'.repeat(65_537) },
      { SecretString: undefined },
      { SecretString: 'x', SecretBinary: Uint8Array.of(1) },
      { ClientRequestToken: 'short' },
    ])
      await expect(put(lab, 'x', value)).rejects.toMatchObject({ name: 'InvalidParameterException' });
    expect(await readValue(lab)).toBe('one');
  });

  it('an operation or a parameter that it does not know, by its name', async () => {
    await using lab = await SecretsLab.open();
    lab.provision({ Name: NAME, SecretString: 'one' });
    await expect(lab.client.send(new ListSecretsCommand({}))).rejects.toThrow('"ListSecrets"');
    await expect(put(lab, 'x', { RotationToken: TOKEN.repeat(7) })).rejects.toThrow('RotationToken');
  });
});
