import type { Ses } from '../../local/ses/index.ts';
import type { CardProvider } from '../../samples/card-provider/card-provider.ts';
import { CARD_WEATHER, WEATHER } from '../../samples/weather.ts';
import type { Timetable } from './timetable.ts';

interface Providers {
  readonly cloud: { readonly ses: Pick<Ses, 'setBehaviour'> };
  readonly cardProvider: Pick<CardProvider, 'behave'>;
}

/**
 * The e-mail provider and the card provider are slow, down, or lose their answers for a while.
 *
 * @returns what makes both well again
 */
export function unwellProviders(
  { cloud: { ses }, cardProvider }: Providers,
  timetable: Timetable,
): () => void {
  for (const { fromSeconds, toSeconds, text, provider } of WEATHER) {
    timetable.at(fromSeconds, text, () => ses.setBehaviour(provider));
    timetable.at(toSeconds, 'the e-mail provider is well again', () => ses.setBehaviour(undefined));
  }
  for (const { fromSeconds, toSeconds, text, behaviour } of CARD_WEATHER) {
    timetable.at(fromSeconds, text, () => cardProvider.behave(behaviour));
    timetable.at(toSeconds, 'the card provider is well again', () => cardProvider.behave());
  }
  return () => {
    ses.setBehaviour(undefined);
    cardProvider.behave();
  };
}
