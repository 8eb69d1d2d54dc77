import { expect, it } from 'vitest';
import { unwellProviders } from '../../cli/weather/provider-weather.ts';
import { Timetable } from '../../cli/weather/timetable.ts';
import { CardProvider } from '../../samples/card-provider/card-provider.ts';
import { WEATHER } from '../../samples/weather.ts';
import { SesLab } from '../local/ses/ses-lab.ts';

it('is over when the sample day is ended in the midst of it: SES takes mails again, and nothing more happens to it', async () => {
  await using lab = await SesLab.open();
  const cardProvider = await CardProvider.start();
  const told: string[] = [];
  const timetable = new Timetable(lab.clock, (news) => told.push(news));
  const makeWell = unwellProviders({ cloud: { ses: lab.ses }, cardProvider }, timetable);
  const down = WEATHER.find(({ provider }) => 'error' in provider);
  await lab.clock.pass(((down?.fromSeconds ?? 0) + 1) * 1000);
  await expect(lab.send()).rejects.toThrow('The service is unavailable.');

  timetable.end();
  makeWell();
  await lab.send();
  expect(lab.ses.sent()).toHaveLength(1);
  const toldAtEnd = told.length;
  await lab.clock.pass(3_600_000);
  expect(told).toHaveLength(toldAtEnd);
  await cardProvider.stop();
});
