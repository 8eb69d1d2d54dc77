import { expect, it } from 'vitest';
import { type IdleItem, idleMonth } from '../../bench/idle.ts';
import { PER_MONTH } from '../../bench/prices.ts';
import type { Assembly } from '../../local/template/assembly.ts';
import { synthesized } from '../infra/synthesized.ts';

const one = { Id: 'one', MetricStat: {}, ReturnData: false };
const two = { Id: 'two', MetricStat: {}, ReturnData: false };
const ratio = { Id: 'ratio', Expression: 'one / two' };

function idle(...templates: object[]): IdleItem[] {
  const stacks = templates.map((template) => ({
    name: 'Stack',
    template,
    region: undefined,
    accountId: undefined,
  }));
  return idleMonth({ directory: '', stacks, assets: new Map() } satisfies Assembly);
}

it('an alarm on an expression over two metrics costs as much as two alarms on one', () => {
  const alarm = (Properties: object) => ({ Type: 'AWS::CloudWatch::Alarm', Properties });
  const Resources = {
    Simple: alarm({ MetricName: 'Errors' }),
    Rate: alarm({ Metrics: [one, two, ratio] }),
  };
  expect(idle({ Resources })[0]).toEqual({
    what: 'metrics of alarms',
    number: 3,
    each: PER_MONTH.alarmMetric,
  });
});

it('prod, which has critical alarms too, costs more at idle than dev', () => {
  const of = (stage: string): number => {
    const { state, jobs } = synthesized({ stage }).template;
    return idle(state.toJSON(), jobs.toJSON()).reduce((all, { number, each }) => all + number * each, 0);
  };
  expect(of('dev')).toBeGreaterThan(0);
  expect(of('prod')).toBeGreaterThan(of('dev'));
});
