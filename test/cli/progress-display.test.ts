import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { QueueProgress } from '../../cli/progress.ts';
import { ProgressDisplay } from '../../cli/progress-display.ts';

const nothing = { waiting: 0, running: 0, backingOff: 0, completed: 0, duplicates: 0, dead: 0 };
let written: string[];
let queues: QueueProgress[];
let display: ProgressDisplay;

function displayOn(terminal: { isTTY?: boolean; columns?: number }): void {
  display = new ProgressDisplay(() => queues, {
    ...terminal,
    write: (text) => written.push(text),
  });
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  written = [];
  queues = [{ type: 'probe', ...nothing }];
});
afterEach(() => {
  display.close();
  vi.useRealTimers();
});

describe('the progress', () => {
  it('has a line a queue with all that is going on there', () => {
    queues = [{ type: 'probe', waiting: 1, running: 2, backingOff: 3, completed: 4, duplicates: 5, dead: 6 }];
    displayOn({});
    display.show();
    expect(written).toEqual([
      '  probe            waiting     1  running     2  backing off     3  completed     4  duplicates     5  dead     6\n\n',
    ]);
  });

  it('is written again only when it has changed', () => {
    displayOn({});
    vi.advanceTimersByTime(60_000);
    expect(written).toHaveLength(1);
    queues = [{ type: 'probe', ...nothing, completed: 1 }];
    vi.advanceTimersByTime(60_000);
    expect(written).toHaveLength(2);
    expect(written[1]).toMatch(/^ {2}probe .*completed {5}1/);
  });

  it('takes its old place on a terminal, however many rows that was', () => {
    displayOn({ isTTY: true, columns: 80 });
    display.show();
    expect(written[0]).not.toContain('\x1b');
    queues = [{ type: 'probe', ...nothing, completed: 1 }];
    display.show();
    // A line of 108 columns takes two rows of 80.
    expect(written[1]?.startsWith('\x1b[2A\x1b[J  probe')).toBe(true);
  });

  it('takes a terminal that tells no width for one that is wide enough', () => {
    displayOn({ isTTY: true, columns: 0 });
    display.show();
    queues = [{ type: 'probe', ...nothing, completed: 1 }];
    display.show();
    expect(written[1]?.startsWith('\x1b[1A\x1b[J  probe')).toBe(true);
  });

  it('leaves news standing above it', () => {
    displayOn({ isTTY: true });
    display.show();
    display.tell('it rains');
    expect(written[1]).toBe('\x1b[1A\x1b[J  * it rains\n');
    display.show();
    expect(written[2]).toMatch(/^ {2}probe/);
  });

  it('ends with the last state, and says nothing afterwards', () => {
    displayOn({});
    display.close();
    expect(written).toHaveLength(1);
    queues = [{ type: 'probe', ...nothing, completed: 1 }];
    vi.advanceTimersByTime(60_000);
    expect(written).toHaveLength(1);
  });
});
