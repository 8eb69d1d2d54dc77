import { CARD_WEATHER, WEATHER } from '../samples/weather.ts';
import type { Session } from './session.ts';

/**
 * Lets the providers go through what the sample day has in store for them, counted from now.
 *
 * @returns ends it
 */
export function makeWeather(
  { cloud: { clock, ses }, cardProvider }: Pick<Session, 'cloud' | 'cardProvider'>,
  tell: (news: string) => void,
): () => void {
  const at = (seconds: number, text: string, change: () => void) =>
    clock.after(seconds * 1000, () => {
      tell(text);
      change();
    });
  const timers = [
    ...WEATHER.flatMap(({ fromSeconds, toSeconds, text, provider }) => [
      at(fromSeconds, text, () => ses.setBehaviour(provider)),
      at(toSeconds, 'the e-mail provider is well again', () => ses.setBehaviour(undefined)),
    ]),
    ...CARD_WEATHER.flatMap(({ fromSeconds, toSeconds, text, behaviour }) => [
      at(fromSeconds, text, () => cardProvider.behave(behaviour)),
      at(toSeconds, 'the card provider is well again', () => cardProvider.behave()),
    ]),
  ];
  return () => {
    for (const timer of timers) timer.cancel();
    cardProvider.behave();
  };
}
