import type { FunctionConfiguration } from './function-configuration.ts';
import { invalid, within } from './mapping-configuration.ts';

/** Of all variables of a function, as the JSON that they make. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const ENVIRONMENT_LIMIT_BYTES = 4096;
const VARIABLE_NAME = /^[a-zA-Z][a-zA-Z0-9_]+$/;
/** What the runtime sets. https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime */
const RESERVED_NAMES = new Set([
  '_HANDLER',
  '_X_AMZN_TRACE_ID',
  'AWS_ACCESS_KEY',
  'AWS_ACCESS_KEY_ID',
  'AWS_DEFAULT_REGION',
  'AWS_EXECUTION_ENV',
  'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
  'AWS_LAMBDA_FUNCTION_NAME',
  'AWS_LAMBDA_FUNCTION_VERSION',
  'AWS_LAMBDA_INITIALIZATION_TYPE',
  'AWS_LAMBDA_LOG_GROUP_NAME',
  'AWS_LAMBDA_LOG_STREAM_NAME',
  'AWS_LAMBDA_RUNTIME_API',
  'AWS_REGION',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'LAMBDA_RUNTIME_DIR',
  'LAMBDA_TASK_ROOT',
]);
/** A thread cannot be given all that a process can, and an option may name a file that it runs first. */
const NODE_OPTIONS = new Set(['', '--enable-source-maps']);
const REFUSED = 'Lambda was unable to configure your environment variables because';

/** @throws AwsError `InvalidParameterValueException`, as Create- and UpdateFunctionConfiguration answer */
export function checkFunction({ timeoutSeconds, memoryMb, environment }: FunctionConfiguration): void {
  if (!within(timeoutSeconds, 1, 900)) throw invalid(`Timeout ${timeoutSeconds} is not between 1 and 900.`);
  if (!within(memoryMb, 128, 10_240)) throw invalid(`MemorySize ${memoryMb} is not between 128 and 10240.`);
  checkEnvironment(environment);
}

function checkEnvironment(environment: Readonly<Record<string, unknown>>): void {
  const names = Object.keys(environment);
  const reserved = names.filter((name) => RESERVED_NAMES.has(name));
  if (reserved.length > 0)
    throw invalid(
      `${REFUSED} the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: ${reserved.join(', ')}`,
    );
  for (const name of names) {
    if (!VARIABLE_NAME.test(name))
      throw invalid(
        `${REFUSED} "${name}" is no name of one: it takes a letter, and letters, digits and underscores after it.`,
      );
    if (typeof environment[name] !== 'string') throw invalid(`${REFUSED} the value of ${name} is no text.`);
  }
  const measured = JSON.stringify(environment);
  if (Buffer.byteLength(measured) > ENVIRONMENT_LIMIT_BYTES)
    throw invalid(
      `${REFUSED} the environment variables you have provided exceeded the 4KB limit. String measured: ${measured}`,
    );
  const option = String(environment.NODE_OPTIONS ?? '')
    .split(/\s+/)
    .find((one) => !NODE_OPTIONS.has(one));
  if (option !== undefined)
    throw invalid(
      `${REFUSED} NODE_OPTIONS holds "${option}". The local cloud knows --enable-source-maps and no other option.`,
    );
}
