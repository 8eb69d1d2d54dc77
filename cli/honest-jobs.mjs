#!/usr/bin/env node
import './node-version.mjs';

// Whoever reads no further, as `head` does, wants no more of it; what the command is about to change is changed all the same.
let unwritten = 0;
process.stdout.on('error', ({ code }) => {
  if (code !== 'EPIPE') unwritten = 1;
});

const { main } = await import('./honest-jobs.ts');
process.exitCode = (await main(process.argv.slice(2))) || unwritten;
