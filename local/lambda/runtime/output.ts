import { format } from 'node:util';

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const;
type Level = (typeof LEVELS)[number];

const CONSOLE_LEVELS = {
  trace: 'TRACE',
  debug: 'DEBUG',
  log: 'INFO',
  info: 'INFO',
  warn: 'WARN',
  error: 'ERROR',
} as const satisfies Record<string, Level>;

export interface OutputOptions {
  readonly format: 'Text' | 'JSON';
  readonly lowestLevel: string;
  readonly requestId: () => string | undefined;
  readonly write: (line: string) => void;
}

/**
 * Sends what the code prints to the log, as Lambda's Node runtime does: `console` in the function's log format, what is
 * written to stdout and stderr directly line by line as it is.
 *
 * Both go out at once through the thread's own message port and not through the thread's streams, which the parent
 * acknowledges: a frozen thread would keep its last lines to itself.
 */
export function captureOutput(options: OutputOptions): void {
  for (const stream of [process.stdout, process.stderr]) stream.write = lineWriter(options.write);
  for (const [method, level] of Object.entries(CONSOLE_LEVELS) as [keyof typeof CONSOLE_LEVELS, Level][])
    console[method] = (...parts: unknown[]) => {
      const line =
        options.format === 'JSON' ? jsonLine(level, parts, options) : textLine(level, parts, options);
      if (line !== undefined) options.write(line);
    };
}

function lineWriter(write: (line: string) => void): typeof process.stdout.write {
  let rest = '';
  return ((chunk: string | Uint8Array, encoding?: unknown, done?: unknown) => {
    const lines = (rest + (typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8'))).split(
      '\n',
    );
    rest = lines.pop() ?? '';
    for (const line of lines) write(line);
    const callback = typeof encoding === 'function' ? encoding : done;
    if (typeof callback === 'function') queueMicrotask(() => callback());
    return true;
  }) as typeof process.stdout.write;
}

function textLine(level: Level, parts: unknown[], { requestId }: OutputOptions): string {
  return `${new Date().toISOString()}\t${requestId() ?? 'undefined'}\t${level}\t${format(...parts)}`;
}

function jsonLine(level: Level, parts: unknown[], options: OutputOptions): string | undefined {
  if (LEVELS.indexOf(level) < LEVELS.indexOf(options.lowestLevel as Level)) return undefined;
  const error = parts.find((part) => part instanceof Error);
  return JSON.stringify({
    timestamp: new Date().toISOString(),
    level,
    requestId: options.requestId(),
    ...(error && {
      errorType: error.name,
      errorMessage: error.message,
      stackTrace: error.stack?.split('\n').slice(1),
    }),
    message: parts.length === 1 && isPlainObject(parts[0]) ? parts[0] : format(...parts),
  });
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !(value instanceof Error);
}
