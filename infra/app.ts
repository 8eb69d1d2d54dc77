import { App } from 'aws-cdk-lib';
import { HonestJobsError } from '../shared/jobs/honest-jobs-error.ts';
import { settingsOf } from './config.ts';
import { addStage } from './stage.ts';

try {
  const app = new App({
    // Else `cdk synth` would write a resource into each template that `node infra/app.ts` does not.
    analyticsReporting: false,
  });
  addStage(app, settingsOf(app.node.tryGetContext('stage')));
  app.synth();
} catch (error) {
  // A wrong setting or contract is the reader's to mend: one sentence says more than a stack.
  if (!(error instanceof HonestJobsError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
