import { describe, expect, it } from 'vitest';
import { DEFAULT_PORT, ONCE_FACTOR, START_HELP, startOptions } from '../../cli/start-options.ts';

describe('the options of npm start', () => {
  it('stand for a cloud that stays up, on a known port, in real time, and keeps its state', () => {
    expect(startOptions([])).toEqual({
      once: false,
      fresh: false,
      port: DEFAULT_PORT,
      dataDirectory: '.honest-jobs/data',
      feed: undefined,
      factor: 1,
    });
  });

  it('with --once begin with nothing, on a free port, in faster time', () => {
    expect(startOptions(['--once'])).toEqual({
      once: true,
      fresh: true,
      port: 0,
      dataDirectory: '.honest-jobs/once',
      feed: undefined,
      factor: ONCE_FACTOR,
    });
  });

  it('with --once --data go on with the state there, unless --fresh says otherwise', () => {
    expect(startOptions(['--once', '--data', 'mine'])).toMatchObject({ fresh: false, dataDirectory: 'mine' });
    expect(startOptions(['--once', '--data', 'mine', '--fresh'])).toMatchObject({ fresh: true });
  });

  it('take every value as it is given', () => {
    expect(startOptions(['--port', '0', '--factor=10000', '--feed', '-', '--data=x'])).toMatchObject({
      port: 0,
      factor: 10_000,
      feed: '-',
      dataDirectory: 'x',
    });
  });

  it.each([['--help'], ['-h']])('ask for the help with %s', (option) => {
    expect(startOptions([option])).toBeUndefined();
  });

  it('are all in the help, with their defaults', () => {
    for (const option of ['--once', '--feed', '--data', '--fresh', '--port', '--factor', '--help'])
      expect(START_HELP).toMatch(new RegExp(`^  (npm start -- )?${option} `, 'm'));
    for (const value of [DEFAULT_PORT, ONCE_FACTOR]) expect(START_HELP).toContain(String(value));
  });

  it.each([
    [['--bogus'], "Unknown option '--bogus' (npm start -- --help shows all options)"],
    [['once'], "Unexpected argument 'once'"],
    [['--feed'], "Option '--feed <value>' argument missing"],
    [['--once=yes'], "Option '--once' does not take an argument"],
    [['--port', '65536'], '--port is "65536": give a whole number from 0 to 65535.'],
    [['--port', '-1'], 'ambiguous'],
    [['--port='], '--port is "": give a whole number'],
    [['--factor', '0'], '--factor is "0": give a whole number from 1 to 10000.'],
    [['--factor', '1.5'], '--factor is "1.5"'],
    [['--factor', '1e3'], '--factor is "1e3"'],
  ])('refuse %j', (args, message) => {
    expect(() => startOptions(args)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(message) }),
    );
  });
});
