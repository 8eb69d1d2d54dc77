import { JOBS } from '../../../../shared/jobs/registry.ts';
import { type Breach, change, PDF, verdict } from '../well-run.ts';

const { generateReport } = JOBS;

export const BREACHES_OF_REPORTS: readonly Breach[] = [
  {
    promise: 'Every completed report has its files',
    when: 'a file of it is lost',
    damage: (run) => run.reportFiles.delete('reports/r1/report.pdf'),
    says: 'report r1 lacks its file report.pdf',
  },
  {
    promise: 'Every completed report has its files',
    when: 'a file of it is another',
    damage: (run) => run.reportFiles.set('reports/r1/report.pdf', Buffer.from('%PDF-1.8')),
    says: 'file report.pdf of report r1 is not what its manifest says',
  },
  {
    promise: 'Every completed report has its files',
    when: 'a file lies there that nobody knows',
    damage: (run) => run.reportFiles.set('reports/r1/other.pdf', PDF),
    says: 'report r1 has 3 files, its manifest 2 and its row 2',
  },
  {
    promise: 'Every completed report has its files',
    when: 'its manifest is lost',
    damage: (run) => run.reportFiles.delete('reports/r1/manifest.json'),
    says: 'report r1 has no manifest at reports/r1/manifest.json',
  },
  {
    promise: 'Every completed report has its files',
    when: 'it has no row',
    damage: (run) => run.reports.pop(),
    says: 'report r1 completed, but has no row',
  },
  {
    promise: 'Every completed report has its files',
    when: 'the report of a dead job has a row',
    damage: (run) => change(run, generateReport, 'r1', { state: 'dead', verdict }),
    says: 'report r1 has a row, but its job did not complete',
  },
  {
    promise: 'Every completed report has its files',
    when: 'nobody was told',
    damage: (run) => run.mails.pop(),
    says: 'report r1 has 0 e-mails',
  },
  {
    promise: 'Every completed report has its files',
    when: 'somebody was told twice',
    damage: (run) => run.mails.push({ notification: 'report-ready_3Ar1', to: 'boss@example.com' }),
    says: 'report r1 has 2 e-mails',
  },
];
