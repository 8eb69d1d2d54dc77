import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SesLab, temporaryDirectory } from './ses-lab.ts';

it('still knows after a restart what was sent', async () => {
  using directory = temporaryDirectory();
  const before = await sendOne(directory.path);
  await using lab = await SesLab.open(directory.path);
  expect(lab.ses.sent()).toEqual(before);
  expect(readFileSync(before[0]?.emlPath ?? '', 'latin1')).toContain('Subject: Hello');
});

it('finishes the file of a mail that was taken just before the process died', async () => {
  using directory = temporaryDirectory();
  const [mail] = await sendOne(directory.path);
  const path = mail?.emlPath ?? '';
  renameSync(path, `${path}.unfinished`);
  await using lab = await SesLab.open(directory.path);
  expect(readFileSync(lab.ses.sent()[0]?.emlPath ?? '', 'latin1')).toContain('Subject: Hello');
});

it('drops the file of a mail that was not taken yet when the process died, and no other file', async () => {
  using directory = temporaryDirectory();
  await sendOne(directory.path);
  writeFileSync(join(directory.path, 'mail', 'x.eml.unfinished'), 'half');
  writeFileSync(join(directory.path, 'mail', 'notes.txt'), "somebody's own");
  await using lab = await SesLab.open(directory.path);
  expect(readdirSync(join(directory.path, 'mail')).sort()).toEqual([
    `${lab.ses.sent()[0]?.messageId}.eml`,
    'notes.txt',
  ]);
});

async function sendOne(directory: string) {
  await using lab = await SesLab.open(directory);
  await lab.send();
  return lab.ses.sent();
}
