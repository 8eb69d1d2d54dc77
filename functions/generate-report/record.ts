import { documentClient } from '../../shared/consumer/index.ts';
import { required, tableVariable } from '../../shared/jobs/environment.ts';
import { generateReport, record } from '../../shared/jobs/generate-report.ts';
import { runStage } from '../../shared/stages/index.ts';
import { ReportRows } from './report-rows.ts';

const rows = new ReportRows(documentClient(), required(tableVariable('reports')));

export const handler = runStage(generateReport, record, async (notified, { payload }) => {
  await rows.record(payload, notified);
  return { reportId: payload.reportId };
});
