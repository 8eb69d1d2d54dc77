#!/usr/bin/env node
import './node-version.mjs';

const { main } = await import('./honest-jobs.ts');
process.exitCode = await main(process.argv.slice(2));
