import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildOptions } from 'esbuild';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** How an entry file and all that it imports become one `index.js`, with its source map. */
export function bundlingOf(entry: string) {
  return {
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
  } as const satisfies BuildOptions;
}
