import type { LocalCloud } from '../local/cloud.ts';
import { WEATHER } from '../samples/weather.ts';

/**
 * Lets the e-mail provider go through what the sample day has in store for it, counted from now.
 *
 * @returns ends it
 */
export function makeWeather({ clock, ses }: LocalCloud, tell: (news: string) => void): () => void {
  const timers = WEATHER.flatMap(({ fromSeconds, toSeconds, text, provider }) => [
    clock.after(fromSeconds * 1000, () => {
      tell(text);
      ses.setBehaviour(provider);
    }),
    clock.after(toSeconds * 1000, () => {
      tell('the e-mail provider is well again');
      ses.setBehaviour(undefined);
    }),
  ]);
  return () => {
    for (const timer of timers) timer.cancel();
  };
}
