import { invalidName } from './errors.ts';

/** https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html */
const FORBIDDEN = /[\s<>{}[\]?*"#%\\^|~`$&,;:/\p{Cc}]/u;

/** The names of state machines and of executions. @throws AwsError `InvalidName` */
export function checkName(name: string): void {
  if (name.length < 1 || name.length > 80 || FORBIDDEN.test(name)) throw invalidName(name);
}
