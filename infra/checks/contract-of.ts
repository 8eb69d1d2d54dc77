import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { IConstruct } from 'constructs';
import type { JobSettings } from '../../shared/jobs/define-job.ts';

const contracts = new WeakMap<IConstruct, JobSettings>();

/** Says whose jobs a queue carries. `JobQueue` says it of its own; one that is made by hand and feeds a function says it itself. */
export function carries(queue: Queue, job: JobSettings): void {
  contracts.set(queue.node.defaultChild as IConstruct, job);
}

/** The contract of what a queue's resource carries. */
export function contractOf(resource: IConstruct): JobSettings | undefined {
  return contracts.get(resource);
}
