import { validateHeaderName, validateHeaderValue } from 'node:http';

/** Whether HTTP can carry a header: its name is a token, its value of Latin-1 and without control characters. */
export function isCarried(name: string, value: string): boolean {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return true;
  } catch {
    return false;
  }
}
