import { DynamoDb } from '../../local/dynamodb/index.ts';
import { Ses } from '../../local/ses/index.ts';
import { Sns } from '../../local/sns/index.ts';
import { Sqs } from '../../local/sqs/index.ts';
import { serveRooms } from '../local/serve-rooms.ts';

/** The services that hold state, opened on it without the functions that would change it. */
export function openState(directory: string) {
  return serveRooms(
    (context) => {
      const sqs = new Sqs(context);
      const ses = new Ses(context, { sns: new Sns(context, { sqs }) });
      return { sqs, dynamodb: new DynamoDb(context), ses };
    },
    // SES's events wait until there is a function again that records them.
    { directory, starts: false },
  );
}
