import { Errors } from 'aws-cdk-lib';
import { HonestJobsError } from '../shared/jobs/honest-jobs-error.ts';
import { settingsOf } from './config.ts';
import { addStage, newApp } from './stage.ts';

try {
  const app = newApp();
  addStage(app, settingsOf(app.node.tryGetContext('stage')));
  app.synth();
} catch (error) {
  // A wrong setting or contract, or what the checklist refuses, is the reader's to mend: one sentence says more than a stack.
  if (!(error instanceof HonestJobsError) && !Errors.isValidationError(error)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
