import { expect, it } from 'vitest';
import { Minutes } from '../../../local/cloudwatch/minutes.ts';
import type { Clock } from '../../../local/kernel/clock.ts';
import { MINUTE_MS } from './cloudwatch-lab.ts';

it('a timer that fires a moment early brings no minute twice', () => {
  const set: { dueMs: number; action: () => void }[] = [];
  let nowMs = 0;
  const clock: Clock = {
    now: () => nowMs,
    hold: () => () => {},
    after(delayMs, action) {
      set.push({ dueMs: nowMs + delayMs, action });
      return { cancel: () => {} };
    },
  };
  const ticks: number[] = [];
  const minutes = new Minutes(clock, (minuteMs) => ticks.push(minuteMs) < 4);
  minutes.start();
  for (let next = set.shift(); next; next = set.shift()) {
    nowMs = next.dueMs - 0.5;
    next.action();
  }
  expect(ticks).toEqual([1, 2, 3, 4].map((minute) => minute * MINUTE_MS));
});
