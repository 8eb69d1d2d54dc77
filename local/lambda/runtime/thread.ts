import { getHeapStatistics } from 'node:v8';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { sharedClock } from '../../kernel/clock.ts';
import { installCloudDate } from './cloud-date.ts';
import { type Handler, LoadError, loadHandler } from './load-handler.ts';
import { captureOutput } from './output.ts';
import type { EnvironmentData, InvocationMessage, ThreadMessage } from './protocol.ts';
import { reportedError } from './reported-error.ts';

// The program of an execution environment: load the code once, then serve one invocation at a time for ever.

const data = workerData as EnvironmentData;
const wakeUps = new Int32Array(data.wakeUps);
let seenWakeUps = 0;
let requestId: string | undefined;

function post(message: ThreadMessage): void {
  parentPort?.postMessage(message);
}

/**
 * Sleeps until the next invocation. The whole thread stands still, as a frozen environment does: what the handler left
 * running goes on only during the next invocation.
 */
function nextInvocation(): InvocationMessage {
  for (;;) {
    const received = parentPort && receiveMessageOnPort(parentPort);
    if (received) return received.message as InvocationMessage;
    Atomics.wait(wakeUps, 0, seenWakeUps);
    seenWakeUps = Atomics.load(wakeUps, 0);
  }
}

async function run(handler: Handler, invocation: InvocationMessage): Promise<void> {
  requestId = invocation.requestId;
  process.env._X_AMZN_TRACE_ID = invocation.traceHeader;
  let end: Pick<Extract<ThreadMessage, { type: 'end' }>, 'payload' | 'error'>;
  try {
    const result = await handler(JSON.parse(invocation.payload), contextOf(invocation));
    end = { payload: JSON.stringify(result) ?? 'null' };
  } catch (error) {
    end = { error: reportedError(error) };
    console.error('Invoke Error', JSON.stringify(end.error));
  }
  const { used_heap_size, external_memory } = getHeapStatistics();
  post({ type: 'end', ...end, usedBytes: used_heap_size + external_memory });
  requestId = undefined;
}

function contextOf({ requestId: awsRequestId, deadlineMs, clientContext }: InvocationMessage): object {
  return {
    awsRequestId,
    callbackWaitsForEmptyEventLoop: true,
    functionName: data.functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: data.functionArn,
    logGroupName: data.logGroup,
    logStreamName: data.logStream,
    memoryLimitInMB: String(data.memoryMb),
    ...(clientContext !== undefined && { clientContext: JSON.parse(clientContext) as unknown }),
    getRemainingTimeInMillis: () => Math.max(0, Math.floor(deadlineMs - Date.now())),
  };
}

/** Lambda's runtime ends its process on an error that escaped the handler. */
function die(errorType: string | undefined, thrown: unknown): void {
  const { errorMessage, ...thrownAs } = reportedError(thrown);
  const error = errorType
    ? { ...thrownAs, errorType, errorMessage: `${thrownAs.errorType}: ${errorMessage}` }
    : { ...thrownAs, errorMessage };
  console.error(errorType ? 'Unhandled Promise Rejection' : 'Uncaught Exception', JSON.stringify(error));
  post({ type: 'fatal', error });
  process.exit(129);
}

const clock = sharedClock(data.clock);
const skewMs = new Float64Array(data.skew);
installCloudDate(() => clock.now() + (skewMs[0] ?? 0));
captureOutput({
  format: data.logFormat,
  lowestLevel: data.applicationLogLevel,
  requestId: () => requestId,
  write: (text) => post({ type: 'line', text }),
});
process.on('uncaughtException', (error) => die(undefined, error));
process.on('unhandledRejection', (reason) => die('Runtime.UnhandledPromiseRejection', reason));

async function serve(): Promise<void> {
  let handler: Handler;
  try {
    if (data.startError !== undefined)
      throw new LoadError({ errorType: 'Runtime.InitError', errorMessage: data.startError });
    handler = await loadHandler(data.taskRoot, data.handler);
  } catch (error) {
    post({ type: 'fatal', error: error instanceof LoadError ? error.reported : reportedError(error) });
    process.exit(1);
  }
  post({ type: 'ready' });
  for (;;) {
    const invocation = nextInvocation();
    // One turn of the event loop first: sockets that were closed while the thread slept are found before they are used.
    await new Promise((turn) => setImmediate(turn));
    await run(handler, invocation);
  }
}

void serve();
