import { fileURLToPath } from 'node:url';
import { settingsOf } from '../../infra/config.ts';
import { JobQueue } from '../../infra/constructs/job-queue.ts';
import { addStage, newApp } from '../../infra/stage.ts';
import { integrationProbe } from './probe/contract.ts';

/**
 * Synthesizes the deployed app's stacks with one job type more: the probe.
 *
 * @param entry the file of its handler, in `probe/`
 */
export function synthesizeWithProbe(entry: string): void {
  const app = newApp();
  const { jobs } = addStage(app, settingsOf(app.node.tryGetContext('stage')));
  new JobQueue(jobs, 'IntegrationProbe', {
    job: integrationProbe,
    entry: fileURLToPath(new URL(`probe/${entry}`, import.meta.url)),
  });
  app.synth();
}
