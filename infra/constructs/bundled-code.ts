import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Names, Stack, Stage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { buildSync } from 'esbuild';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * A function's entry file and all that it imports as one `index.js`, with its source map.
 *
 * Built in this process and not by `NodejsFunction`, which starts npx for each function (0.8 s each against 0.4 s) and prints a
 * line for it.
 */
export function bundledCode(scope: Construct, entry: string): Code {
  // `cdk list` and `cdk destroy` need no bundles; the CDK says so, and nothing made of this is ever deployed.
  if (!Stack.of(scope).bundlingRequired) return Code.fromInline('// not bundled');
  const { outputFiles } = buildSync({
    entryPoints: [entry],
    absWorkingDir: PROJECT,
    // Only a name: the map's paths are relative to it, so that the asset's hash does not depend on where this machine writes.
    outfile: join(PROJECT, 'cdk.out', 'bundle', 'index.js'),
    write: false,
    bundle: true,
    minify: true,
    sourcemap: true,
    // Stack traces need names and lines only, and the sources would double the upload.
    sourcesContent: false,
    platform: 'node',
    target: 'node24',
    // CommonJS starts a third sooner than ES modules here, and an INIT is billed.
    format: 'cjs',
    // ES modules first: only they can be tree-shaken. The SDK is bundled too, in the version that was tested.
    mainFields: ['module', 'main'],
    // What code needs besides code lies in the bundle too: nothing has to be found beside it.
    loader: { '.wasm': 'binary', '.ttf': 'binary', '.woff': 'binary' },
    // CommonJS has no import.meta, and packages ask it where they are.
    define: { 'import.meta.url': 'MODULE_URL' },
    banner: { js: 'const MODULE_URL=require("node:url").pathToFileURL(__filename).href;' },
    logLevel: 'warning',
  });
  const directory = join(Stage.of(scope)?.outdir ?? 'cdk.out', 'bundles', Names.uniqueId(scope));
  mkdirSync(directory, { recursive: true });
  for (const { path, contents } of outputFiles) writeFileSync(join(directory, basename(path)), contents);
  return Code.fromAsset(directory);
}
