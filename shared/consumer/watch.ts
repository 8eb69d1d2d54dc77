import { Cancelled } from './errors.ts';

const LOOK_EVERY_MS = 2000;

/**
 * Looks at the record of a running job, and aborts when somebody has cancelled it.
 *
 * @param cancelled tells what the record says
 * @returns ends the watch
 */
export function watchForCancellation(
  cancelled: () => Promise<boolean>,
  aborter: AbortController,
): () => void {
  let looking = false;
  const look = async (): Promise<void> => {
    if (looking) return;
    looking = true;
    try {
      if (await cancelled()) aborter.abort(new Cancelled('The job was cancelled.'));
    } catch {
      // The next look is soon, and the record is looked at again at the attempt's end.
    } finally {
      looking = false;
    }
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  return () => clearInterval(timer);
}
