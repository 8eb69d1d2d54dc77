/** The process that is killed: the local cloud with the deployed template, draining what is in its state. */
import { startLocalCloud } from '../../local/cloud.ts';
import { queueName } from '../../shared/jobs/names.ts';
import { JOB_TYPES } from '../../shared/jobs/registry.ts';

const [, , assembly = '', dataDirectory = '', stage = '', factor = ''] = process.argv;
const cloud = await startLocalCloud({ assembly, dataDirectory, factor: Number(factor) });
process.stdout.write(`endpoint ${cloud.endpoint}\n`);

setInterval(() => {
  const left = JOB_TYPES.map((type) => cloud.sqs.counts(cloud.sqs.arnOf(queueName(stage, type))));
  const messages = left.reduce(
    (sum, { visible, notVisible, delayed }) => sum + visible + notVisible + delayed,
    0,
  );
  process.stdout.write(`left ${messages}\n`);
}, 50);
