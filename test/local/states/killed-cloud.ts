/** A process to be killed: runs the machine on the state in `argv[2]`, and says when the second of its tasks is at work. */
import { writeSync } from 'node:fs';
import { StatesLab } from './states-lab.ts';
import { THREE_TASKS } from './three-tasks.ts';

const lab = await StatesLab.open({ machine: THREE_TASKS }, { dataDirectory: process.argv[2] ?? '' });
const executionArn = await lab.start('machine', {}, 'killed');
await lab.until(
  async () => (await lab.types(executionArn)).filter((type) => type === 'TaskStarted').length === 2,
);
await lab.untilWorking();
// Synchronous, so that it is out before the end.
writeSync(1, 'at work\n');
