/** The real state stack, and a jobs stack with the probe alone. */
import { fileURLToPath } from 'node:url';
import { JobQueue } from '../../../infra/constructs/job-queue.ts';
import { tableVariable } from '../../../shared/jobs/environment.ts';
import { probe } from './contract.ts';
import { probeStack } from './stack.ts';

const { app, state, jobs } = probeStack();
const { consumer } = new JobQueue(jobs, 'Probe', {
  job: probe,
  entry: fileURLToPath(new URL('handler.ts', import.meta.url)),
});
consumer.addEnvironment(tableVariable('stock'), state.tables.stock.tableName);
state.tables.stock.grantReadWriteData(consumer);
app.synth();
