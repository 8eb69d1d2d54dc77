import { DynamoDb } from '../../local/dynamodb/index.ts';
import { Ses } from '../../local/ses/index.ts';
import { Sqs } from '../../local/sqs/index.ts';
import { serveRooms } from '../local/serve-rooms.ts';

/** The services that hold state, opened on it without the functions that would change it. */
export function openState(directory: string) {
  return serveRooms(
    (context) => ({ sqs: new Sqs(context), dynamodb: new DynamoDb(context), ses: new Ses(context) }),
    { directory },
  );
}
