/** The real state stack, and a jobs stack with the staged probe alone. */
import { fileURLToPath } from 'node:url';
import { StagedJob } from '../../../infra/constructs/staged-job.ts';
import { tableVariable } from '../../../shared/jobs/environment.ts';
import { probeStack } from './stack.ts';
import { staged } from './staged/contract.ts';

const { app, jobs, state } = probeStack();
const fileOf = (name: string): string => fileURLToPath(new URL(`staged/${name}.ts`, import.meta.url));
const stagedJob = new StagedJob(jobs, 'Staged', {
  job: staged,
  starterEntry: fileOf('starter'),
  stageEntry: fileOf,
});
for (const { name } of staged.stages.flat()) {
  const stage = stagedJob.stage(name);
  stage.addEnvironment(tableVariable('stock'), state.tables.stock.tableName);
  state.tables.stock.grantReadWriteData(stage);
}
app.synth();
