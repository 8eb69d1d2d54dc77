#!/usr/bin/env node
import './node-version.mjs';

// Whoever reads no further, as `head` does, wants no more of it.
process.stdout.on('error', ({ code }) => process.exit(code === 'EPIPE' ? 0 : 1));

const { main } = await import('./honest-jobs.ts');
process.exitCode = await main(process.argv.slice(2));
