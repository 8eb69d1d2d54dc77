import type { StageStatus, StagesReport } from '../shared/client/stage-status.ts';
import { stageFunctionName } from '../shared/jobs/names.ts';
import { duration, shown, time } from './terminal.ts';

/** A staged job's stages, a line each; one that has failed has two more. */
export function stageLines(
  { stages, share }: StagesReport,
  { stage, type }: { readonly stage: string; readonly type: string },
): string[] {
  return [
    '',
    `  stages (${percent(share)} of the whole done)`,
    ...stages.flatMap((one) => [
      `    ${one.name}: ${sentenceOf(one)}`,
      // What a finished one went through is history.
      ...(one.failure && one.state !== 'done'
        ? [
            `      ${shown(one.failure.code)}: ${shown(one.failure.message, 200)}`,
            `      log group /aws/lambda/${stageFunctionName(stage, type, one.name)}, request ${one.failure.requestId}`,
          ]
        : []),
    ]),
  ];
}

function sentenceOf(stage: StageStatus): string {
  const { failures, failure } = stage;
  const retries =
    failures === 0
      ? ''
      : `; ${failures} failed run${failures === 1 ? '' : 's'}${failure ? `, the last ${time(failure.atMs)}` : ''}`;
  return (stage.items ? fanOutSentence(stage, stage.items) : oneSentence(stage)) + retries;
}

function oneSentence({ state, begunAtMs = 0, sinceMs = 0, doneAtMs = 0, progress }: StageStatus): string {
  switch (state) {
    case 'not-begun':
      return 'not begun';
    case 'running':
      return `running since ${time(sinceMs)}${progress ? `, ${percent(progress.fraction)} (${time(progress.atMs)}): ${shown(progress.text)}` : ''}`;
    case 'waiting':
      return `waiting for its retry; its last run began ${time(sinceMs)}`;
    case 'failed':
      return `FAILED; its last run began ${time(sinceMs)}`;
    case 'stopped':
      return `stopped: its last run began ${time(sinceMs)} and left no outcome`;
    case 'done':
      return `done ${time(doneAtMs)} (${duration(doneAtMs - begunAtMs)})`;
  }
}

function fanOutSentence(
  { state, begunAtMs = 0, sinceMs = 0, doneAtMs }: StageStatus,
  { done, of, running, waiting, failed, stopped }: NonNullable<StageStatus['items']>,
): string {
  if (state === 'not-begun') return of === undefined ? 'not begun' : `not begun, 0 of ${of} done`;
  return [
    of === undefined ? `${done} done so far` : `${done} of ${of} done`,
    ...(doneAtMs === undefined ? [] : [`${time(doneAtMs)} (${duration(doneAtMs - begunAtMs)})`]),
    ...(running > 0 ? [`${running} running since ${time(sinceMs)}`] : []),
    ...(waiting > 0 ? [`${waiting} waiting for a retry`] : []),
    ...(failed > 0 ? [`${failed} FAILED`] : []),
    ...(stopped > 0 ? [`${stopped} stopped without an outcome`] : []),
  ].join(', ');
}

/** Never 100 % before it is. */
function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}
