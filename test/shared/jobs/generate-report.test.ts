import { describe, expect, it } from 'vitest';
import { generateReport } from '../../../shared/jobs/generate-report.ts';

const report = {
  reportId: 'november-2026',
  title: 'Shop in November',
  period: { from: '2026-11-01', to: '2026-11-30' },
  email: 'boss@example.com',
  assets: [{ name: 'Shelf', source: 's3://report-assets/shelf.jpg' }],
};
const issues = (changes: Record<string, unknown>): string =>
  JSON.stringify(generateReport.payload.safeParse({ ...report, ...changes }).error?.issues ?? []);

describe('a request for a report', () => {
  it('is taken with pictures from the bucket and from the web, with one day or a leap year, and with none', () => {
    expect(issues({})).toBe('[]');
    expect(issues({ assets: [{ name: 'Logo', source: 'https://example.com/logo.png' }] })).toBe('[]');
    expect(issues({ assets: [], period: { from: '2026-11-25', to: '2026-11-25' } })).toBe('[]');
    expect(issues({ period: { from: '2028-01-01', to: '2028-12-31' } })).toBe('[]');
  });

  it.each([
    ['an id that is no part of a key', { reportId: '../other' }, 'reportId'],
    [
      'a period that ends before it begins',
      { period: { from: '2026-11-30', to: '2026-11-01' } },
      '1 to 366 days',
    ],
    ['a period of more than a year', { period: { from: '2026-01-01', to: '2027-01-02' } }, '1 to 366 days'],
    ['a day that is none', { period: { from: '2026-02-30', to: '2026-03-01' } }, 'from'],
    [
      'a picture from elsewhere in the bucket',
      { assets: [{ name: 'x', source: 's3://step-results/x' }] },
      'must be s3://',
    ],
    ['a picture from nowhere', { assets: [{ name: 'x', source: 's3://report-assets/' }] }, 'must be s3://'],
    [
      'a picture over plain HTTP',
      { assets: [{ name: 'x', source: 'http://example.com/a.jpg' }] },
      'must be s3://',
    ],
    [
      'two pictures of one name',
      { assets: [report.assets[0], { name: 'Shelf', source: 'https://example.com/a.jpg' }] },
      'name of its own',
    ],
  ])('is refused with %s', (_what, changes, said) => {
    expect(issues(changes)).toContain(said);
  });
});
