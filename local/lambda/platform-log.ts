import type { FunctionConfiguration } from './function-configuration.ts';

/** The figures of one invocation for its last log line. */
export interface InvocationReport {
  readonly requestId: string;
  readonly durationMs: number;
  /** Set for an environment's first invocation. */
  readonly initMs: number | undefined;
  readonly usedBytes: number;
  readonly status: 'success' | 'error' | 'timeout';
}

const MEBIBYTE = 1024 * 1024;

/** The lines that Lambda itself writes, in the function's log format; none where its system log level hides them. */
export function startLines({ logging }: FunctionConfiguration, requestId: string, atMs: number): string[] {
  if (logging.format === 'Text') return [`START RequestId: ${requestId} Version: $LATEST`];
  return systemEvent(logging.systemLevel, atMs, 'platform.start', { requestId, version: '$LATEST' });
}

export function endLines(
  configuration: FunctionConfiguration,
  report: InvocationReport,
  atMs: number,
): string[] {
  const { logging, memoryMb } = configuration;
  const { requestId, durationMs, initMs, status } = report;
  const billedMs = Math.ceil(durationMs + (initMs ?? 0));
  const usedMb = Math.ceil(report.usedBytes / MEBIBYTE);
  if (logging.format === 'JSON')
    return systemEvent(logging.systemLevel, atMs, 'platform.report', {
      requestId,
      metrics: {
        durationMs: round(durationMs),
        billedDurationMs: billedMs,
        memorySizeMB: memoryMb,
        maxMemoryUsedMB: usedMb,
        ...(initMs !== undefined && { initDurationMs: round(initMs) }),
      },
      status,
    });
  const fields = [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${durationMs.toFixed(2)} ms`,
    `Billed Duration: ${billedMs} ms`,
    `Memory Size: ${memoryMb} MB`,
    `Max Memory Used: ${usedMb} MB`,
    ...(initMs === undefined ? [] : [`Init Duration: ${initMs.toFixed(2)} ms`]),
    ...(status === 'success' ? [] : [`Status: ${status}`]),
  ];
  return [`END RequestId: ${requestId}`, `${fields.join('\t')}\t`];
}

function systemEvent(systemLevel: string, atMs: number, type: string, record: object): string[] {
  if (systemLevel === 'WARN') return [];
  return [JSON.stringify({ time: new Date(atMs).toISOString(), type, record })];
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
