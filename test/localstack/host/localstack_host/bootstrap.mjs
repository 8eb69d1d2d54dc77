// A Lambda runtime for Node: JSON, a line a message, over the file descriptor that the first argument names.
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import readline from 'node:readline';
import { pathToFileURL } from 'node:url';
import util from 'node:util';

const { env } = process;
const socket = new net.Socket({ fd: Number(process.argv[2]), readable: true, writable: true });
const send = (message) => socket.write(`${JSON.stringify(message)}\n`);
/** The invocation that runs. */
let current = null;

const LEVELS = { trace: 'TRACE', debug: 'DEBUG', log: 'INFO', info: 'INFO', warn: 'WARN', error: 'ERROR' };
for (const [method, level] of Object.entries(LEVELS)) {
  console[method] = (...args) => {
    const timestamp = new Date().toISOString();
    const [only] = args;
    const isObject = args.length === 1 && typeof only === 'object' && !(only instanceof Error);
    const text = util.format(...args);
    const line =
      env.AWS_LAMBDA_LOG_FORMAT === 'JSON'
        ? JSON.stringify({ timestamp, level, requestId: current?.id, message: isObject ? only : text })
        : `${timestamp}\t${current?.id}\t${level}\t${text.replaceAll('\n', '\r')}`;
    process.stdout.write(`${line}\n`);
  };
}

function asError(error) {
  return error instanceof Error || error?.message !== undefined
    ? {
        errorType: error.name ?? 'Error',
        errorMessage: String(error.message),
        trace: String(error.stack ?? '').split('\n'),
      }
    : { errorType: typeof error, errorMessage: String(error), trace: [] };
}

function named(name, message) {
  return Object.assign(new Error(message), { name });
}

function reply(ok, value) {
  const invocation = current;
  if (!invocation) return;
  current = null;
  let answer = { ok, payload: undefined };
  try {
    answer.payload = JSON.stringify(value === undefined ? null : value);
  } catch (error) {
    answer = {
      ok: false,
      payload: JSON.stringify({ ...asError(error), errorType: 'Runtime.MarshalError' }),
    };
  }
  // Whoever reads the output knows by it that all lines of this invocation are there.
  process.stdout.write(`\x1eEND ${invocation.id}\n`);
  send({ type: 'done', id: invocation.id, ...answer });
}

function die(error, what, errorType) {
  const told = { ...asError(error), ...(errorType && { errorType }) };
  console.error(what, JSON.stringify(told));
  reply(false, told);
  socket.end(() => process.exit(1));
}
process.on('uncaughtException', (error) => die(error, 'Uncaught Exception'));
process.on('unhandledRejection', (error) =>
  die(error, 'Unhandled Rejection', 'Runtime.UnhandledPromiseRejection'),
);

async function loadHandler() {
  const base = path.basename(env._HANDLER);
  const dot = base.indexOf('.');
  if (dot < 0) throw named('Runtime.MalformedHandlerName', 'Bad handler');
  const module = path.join(env.LAMBDA_TASK_ROOT, path.dirname(env._HANDLER), base.slice(0, dot));
  const file = ['.js', '.mjs', '.cjs']
    .map((extension) => module + extension)
    .find((one) => fs.existsSync(one));
  if (!file) throw named('Runtime.ImportModuleError', `Error: Cannot find module '${path.basename(module)}'`);
  const loaded = await import(pathToFileURL(file).href);
  const exportOf = (from) =>
    base
      .slice(dot + 1)
      .split('.')
      .reduce((at, name) => at?.[name], from);
  const handler = exportOf(loaded) ?? exportOf(loaded.default);
  if (typeof handler !== 'function')
    throw named('Runtime.HandlerNotFound', `${env._HANDLER} is undefined or not exported`);
  return handler;
}

function contextOf(invocation, done) {
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    invokedFunctionArn: invocation.arn,
    awsRequestId: invocation.id,
    identity: undefined,
    clientContext: undefined,
    getRemainingTimeInMillis: () => Math.max(invocation.deadline - Date.now(), 0),
    done,
    succeed: (result) => done(null, result),
    fail: (error) => done(error ?? new Error('handled')),
  };
}

function invoke(handler, invocation) {
  current = invocation;
  if (invocation.trace) env._X_AMZN_TRACE_ID = invocation.trace;
  const fail = (error) => {
    if (current !== invocation) return;
    const told = asError(error);
    console.error('Invoke Error', JSON.stringify(told));
    reply(false, told);
  };
  const done = (error, result) => {
    if (current !== invocation) return;
    if (error) fail(error);
    else reply(true, result);
  };
  try {
    const returned = handler(JSON.parse(invocation.payload || 'null'), contextOf(invocation, done), done);
    if (typeof returned?.then === 'function') returned.then((result) => done(null, result), fail);
    else if (handler.length < 3) done(null, returned);
  } catch (error) {
    fail(error);
  }
}

try {
  env.AWS_EXECUTION_ENV = `AWS_Lambda_nodejs${process.versions.node.split('.')[0]}.x`;
  const handler = await loadHandler();
  readline
    .createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })
    .on('line', (line) => invoke(handler, JSON.parse(line)));
  socket.on('close', () => process.exit(0));
  send({ type: 'ready' });
} catch (error) {
  console.error('Init Error', JSON.stringify(asError(error)));
  send({ type: 'init_error', payload: JSON.stringify(asError(error)) });
  socket.end(() => process.exit(1));
}
