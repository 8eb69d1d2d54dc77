/** A process to be killed: writes pairs of items in transactions into `argv[2]`, and prints the number of each done. */
import { writeSync } from 'node:fs';
import { JOBS, startCloud } from './cloud.ts';

const { service } = await startCloud(process.argv[2]);
await service.execute('CreateTable', JOBS);
for (let number = 0; ; number++) {
  await service.execute('TransactWriteItems', {
    TransactItems: ['left', 'right'].map((side) => ({
      Put: { TableName: 'jobs', Item: { id: { S: `${side}-${number}` } } },
    })),
  });
  // Synchronous, so that nothing acknowledged waits in a buffer.
  writeSync(1, `${number}\n`);
}
