import { AwsError } from '../kernel/errors.ts';

/**
 * A filter pattern of words: each must occur, a quoted phrase as a whole, `-word` must not, and of several `?word` one must.
 * Case counts. Patterns over JSON fields, columns and regular expressions are refused.
 *
 * @throws AwsError `InvalidParameterException`
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
 */
export function textFilter(pattern: string | undefined): (message: string) => boolean {
  const trimmed = pattern?.trim() ?? '';
  if (trimmed === '') return () => true;
  if (/^[{[%]/.test(trimmed))
    throw new AwsError(
      'InvalidParameterException',
      `The filter pattern ${trimmed} is none of words: the local cloud knows words, "quoted phrases", -word and ?word`,
    );
  const terms = [...trimmed.matchAll(/([-?]?)(?:"((?:[^"\\]|\\.)*)"|(\S+))/g)].map(
    ([, sign, phrase, word]) => ({ sign, text: phrase?.replace(/\\(.)/g, '$1') ?? word ?? '' }),
  );
  const texts = (sign: string) => terms.filter((term) => term.sign === sign).map(({ text }) => text);
  const [all, none, any] = [texts(''), texts('-'), texts('?')];
  return (message) =>
    all.every((text) => message.includes(text)) &&
    !none.some((text) => message.includes(text)) &&
    (any.length === 0 || any.some((text) => message.includes(text)));
}
