import { consume } from '../../shared/consumer/index.ts';
import { ENVIRONMENT, required } from '../../shared/jobs/environment.ts';
import { DefinitionError } from '../../shared/jobs/honest-jobs-error.ts';
import { jobByType } from '../../shared/jobs/registry.ts';
import { isStaged } from '../../shared/jobs/staged-job.ts';
import { starterOf } from '../../shared/stages/starter.ts';

const type = required(ENVIRONMENT.type);
const job = jobByType(type);
if (job === undefined || !isStaged(job))
  throw new DefinitionError(`"${type}" is no staged job of the registry.`);

/** The consumer of every staged job's queue; which job it is, its environment says. */
export const handler = consume(job, starterOf(job));
