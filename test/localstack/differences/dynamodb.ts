import type { Difference } from '../differences.ts';

const GUIDE = 'https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/';

export const DYNAMODB_DIFFERENCES: readonly Difference[] = [
  { tests: 'a global index refuses consistent reads', localStack: 'refuses them in other words' },
  { tests: 'an index key of the wrong type is refused', localStack: 'refuses it in other words' },
  {
    tests: 'limits an empty key, a key of the wrong type and a missing key are refused',
    localStack: 'refuses them in other words',
  },
  {
    tests:
      'limits a key of 2,048 bytes is taken, one byte more is refused to read and to write; text counts in UTF-8',
    localStack: 'refuses it in other words',
  },
  ...['', ' in fewer characters'].map((how) => ({
    tests: `an item with a hash key of 2,049 bytes${how} of an index is refused, put or updated, and changes nothing`,
    localStack: 'takes it',
    aws: {
      says: 'The minimum length of a partition key value is 1 byte. The maximum length is 2048 bytes.',
      at: `${GUIDE}Constraints.html`,
    },
  })),
  { tests: 'a table that is not there is not described', localStack: 'says so in other words' },
  {
    tests: 'an item comes back as it was put: every type, nested',
    localStack: 'refuses an empty name within a map',
  },
  {
    tests: 'numbers keep 38 digits and lose their leading and trailing zeros',
    localStack: 'keeps the zeros',
    aws: {
      says: 'Leading and trailing zeroes are trimmed.',
      at: `${GUIDE}HowItWorks.NamingRulesDataTypes.html`,
    },
  },
  {
    tests: 'the time to live is off until it is set, and setting it as it is is refused',
    localStack: 'takes it',
  },
  {
    tests: 'an update that cannot be applied to the item as it is cancels with a ValidationError',
    localStack: 'answers a ValidationException of the whole request',
  },
];
