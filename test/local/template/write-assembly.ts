import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface StackSource {
  readonly template: object;
  readonly dependencies?: readonly string[];
  readonly environment?: string;
}

/**
 * Writes a cloud assembly as `cdk synth` would, to a folder of its own.
 *
 * @param stacks by name
 * @param assets folders by hash; templates name them `<hash>.zip`
 */
export function writeAssembly(
  stacks: Readonly<Record<string, StackSource>>,
  assets: Readonly<Record<string, string>> = {},
): string {
  const directory = mkdtempSync(join(tmpdir(), 'assembly-'));
  const files: Record<string, unknown> = {};
  for (const [hash, path] of Object.entries(assets)) {
    cpSync(path, join(directory, `asset.${hash}`), { recursive: true });
    files[hash] = {
      source: { path: `asset.${hash}`, packaging: 'zip' },
      destinations: { 'current_account-current_region': { bucketName: 'assets', objectKey: `${hash}.zip` } },
    };
  }
  const artifacts: Record<string, unknown> = {};
  for (const [name, { template, dependencies = [], environment }] of Object.entries(stacks)) {
    writeFileSync(join(directory, `${name}.template.json`), JSON.stringify(template));
    writeFileSync(
      join(directory, `${name}.assets.json`),
      JSON.stringify({ version: '48.0.0', files, dockerImages: {} }),
    );
    artifacts[`${name}.assets`] = {
      type: 'cdk:asset-manifest',
      properties: { file: `${name}.assets.json` },
    };
    artifacts[name] = {
      type: 'aws:cloudformation:stack',
      environment: environment ?? 'aws://unknown-account/unknown-region',
      properties: { templateFile: `${name}.template.json` },
      dependencies: [...dependencies, `${name}.assets`],
      displayName: name,
    };
  }
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'manifest.json'), JSON.stringify({ version: '48.0.0', artifacts }));
  return directory;
}
