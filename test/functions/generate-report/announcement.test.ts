import { describe, expect, it } from 'vitest';
import { announcementOf } from '../../../functions/generate-report/announcement.ts';
import { render } from '../../../functions/send-email/templates.ts';
import type { Report, Signed, Uploaded } from '../../../shared/jobs/generate-report.ts';
import { sendEmail } from '../../../shared/jobs/send-email.ts';

const file = { key: 'reports/r-1/report.pdf', sha256: 'ab', bytes: 10 };
const uploaded: Uploaded & Signed = {
  prefix: 'reports/r-1/',
  files: 2,
  pdf: file,
  manifest: { ...file, key: 'reports/r-1/manifest.json' },
  links: { pdf: 'https://bucket.example/report.pdf?a=1&b=2', manifest: 'https://bucket.example/m.json' },
  linksExpireAt: '2026-11-25T18:00:00.000Z',
  counts: { orders: 1, payments: 2, pages: 3, assets: 2, failedAssets: 0 },
  failedAssets: [],
};

const AT = Date.parse('2026-11-25T12:00:00.000Z');

function rendered(changes: Partial<Report> = {}, found: Partial<Uploaded> = {}, nowMs = AT) {
  const report = {
    reportId: 'r-1',
    title: 'Shop in November',
    period: { from: '2026-11-01', to: '2026-11-30' },
    email: 'boss@example.com',
    assets: [],
    ...changes,
  };
  const { message } = sendEmail.payload.parse(
    announcementOf(report, { ...uploaded, ...found }, { bucket: 'bucket', nowMs }),
  );
  return render(message);
}

describe('the e-mail of a report', () => {
  it('says what it is, where it can be read and until when, and where it lies for good', () => {
    const { subject, text, html } = rendered();
    expect(subject).toBe('Report ready: Shop in November');
    expect(text).toContain('for 2026-11-01 to 2026-11-30 is ready (3 pages)');
    expect(text).toContain('https://bucket.example/report.pdf?a=1&b=2');
    expect(html).toContain('<a href="https://bucket.example/report.pdf?a=1&amp;b=2">');
    expect(text).toContain('2026-11-25T18:00:00.000Z');
    expect(text).toContain('s3://bucket/reports/r-1/report.pdf');
    expect(text).not.toContain('could not be read');
  });

  it('has no link where that is over or nearly so, and says where the report lies', () => {
    const { text } = rendered({}, {}, AT + 5.5 * 3600_000);
    expect(text).not.toContain('https://');
    expect(text).toContain('It is found at s3://bucket/reports/r-1/report.pdf.');
  });

  it('of one day names it once', () => {
    const { text } = rendered({ period: { from: '2026-11-25', to: '2026-11-25' } });
    expect(text).toContain('for 2026-11-25 is ready');
  });

  it('names the pictures that could not be read, twenty at most', () => {
    expect(rendered({}, { failedAssets: ['Window', 'Door'] }).text).toContain('left out: Window, Door.');
    const many = Array.from({ length: 200 }, (_, index) => `p${index + 1}`);
    expect(rendered({}, { failedAssets: many }).text).toContain('p19, p20, and 180 more.');
  });

  it('writes names as they are, and no markup of theirs into its HTML', () => {
    const { html, subject } = rendered(
      { title: '<b>日報</b>\r\nBcc: x@example.com' },
      { failedAssets: ['<img src=x>'] },
    );
    expect(html).toContain('&lt;b&gt;日報&lt;/b&gt;');
    expect(html).not.toContain('<img');
    expect(subject).not.toMatch(/[\r\n]/);
  });
});
