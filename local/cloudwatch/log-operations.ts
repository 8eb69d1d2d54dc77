import * as z from 'zod';
import { AwsError } from '../kernel/errors.ts';
import type { Operation } from '../kernel/json-protocol.ts';
import { readInput } from './errors.ts';
import { textFilter } from './log-filter.ts';
import type { LogGroup, LogGroups } from './log-groups.ts';
import { pageOf } from './pages.ts';

const INVALID = 'InvalidParameterException';

/** Ms since the epoch, as this service writes time. */
const ms = z.number().int().nonnegative();
const limit = (most: number) => z.int().min(1).max(most).optional();
const token = z.string().optional();

/** By its name, or by its ARN with or without `:*`. */
const groupReference = {
  logGroupName: z.string().min(1).max(512).optional(),
  logGroupIdentifier: z.string().min(1).max(2048).optional(),
};

const describeLogGroups = z.strictObject({
  logGroupNamePrefix: z.string().min(1).optional(),
  logGroupNamePattern: z.string().optional(),
  limit: limit(50),
  nextToken: token,
});

const describeLogStreams = z.strictObject({
  ...groupReference,
  logStreamNamePrefix: z.string().min(1).optional(),
  orderBy: z.enum(['LogStreamName', 'LastEventTime']).optional(),
  descending: z.boolean().optional(),
  limit: limit(50),
  nextToken: token,
});

const getLogEvents = z.strictObject({
  ...groupReference,
  logStreamName: z.string().min(1),
  startTime: ms.optional(),
  endTime: ms.optional(),
  startFromHead: z.boolean().optional(),
  limit: limit(10_000),
  nextToken: token,
});

const filterLogEvents = z.strictObject({
  ...groupReference,
  logStreamNames: z.array(z.string()).min(1).max(100).optional(),
  logStreamNamePrefix: z.string().min(1).optional(),
  startTime: ms.optional(),
  endTime: ms.optional(),
  filterPattern: z.string().max(1024).optional(),
  interleaved: z.boolean().optional(),
  limit: limit(10_000),
  nextToken: token,
});

export function logOperations(groups: LogGroups): Readonly<Record<string, Operation>> {
  const group = (reference: { logGroupName?: string | undefined; logGroupIdentifier?: string | undefined }) =>
    groups.get(
      reference.logGroupName ?? reference.logGroupIdentifier?.replace(/^.*:log-group:|:\*$/g, '') ?? '',
    );
  return {
    DescribeLogGroups(input) {
      const request = readInput(describeLogGroups, input, INVALID);
      const { logGroupNamePrefix = '', logGroupNamePattern = '' } = request;
      const found = groups
        .all()
        .filter(({ name }) => name.startsWith(logGroupNamePrefix) && name.includes(logGroupNamePattern));
      const { page, next } = pageOf(found, request.nextToken, request.limit ?? 50);
      return { logGroups: page.map(describedGroup), nextToken: next };
    },

    DescribeLogStreams(input) {
      const request = readInput(describeLogStreams, input, INVALID);
      const { logStreamNamePrefix = '', orderBy, descending = false } = request;
      const own = group(request);
      const found = groups.streams(own).filter(({ name }) => name.startsWith(logStreamNamePrefix));
      const ordered =
        orderBy === 'LastEventTime' ? found.toSorted((one, other) => one.lastMs - other.lastMs) : found;
      const { page, next } = pageOf(
        descending ? ordered.toReversed() : ordered,
        request.nextToken,
        request.limit ?? 50,
      );
      return {
        logStreams: page.map((stream) => ({
          logStreamName: stream.name,
          creationTime: Math.floor(stream.firstMs),
          firstEventTimestamp: Math.floor(stream.firstMs),
          lastEventTimestamp: Math.floor(stream.lastMs),
          lastIngestionTime: Math.floor(stream.lastIngestedMs),
          arn: `${own.arn}:log-stream:${stream.name}`,
          storedBytes: 0,
        })),
        nextToken: next,
      };
    },

    GetLogEvents(input) {
      const request = readInput(getLogEvents, input, INVALID);
      const { startTime = 0, endTime = Number.POSITIVE_INFINITY, startFromHead = false } = request;
      const found = groups
        .events(group(request))
        .filter(
          ({ stream, atMs }) => stream === request.logStreamName && atMs >= startTime && atMs < endTime,
        );
      const most = request.limit ?? 10_000;
      const { nextToken = startFromHead ? 'f/0' : `b/${groups.nextEventId}` } = request;
      const { direction, id } = readCursor(nextToken);
      const from = found.findIndex((event) => event.id >= id);
      const at = from < 0 ? found.length : from;
      const page = direction === 'f' ? found.slice(at, at + most) : found.slice(Math.max(0, at - most), at);
      const first = page[0]?.id ?? id;
      const last = page.at(-1);
      return {
        events: page.map(({ message, atMs, ingestedMs }) => ({
          timestamp: Math.floor(atMs),
          message,
          ingestionTime: Math.floor(ingestedMs),
        })),
        // At either end the token of that side stays the same: that is how a reader sees the end.
        nextForwardToken: `f/${last ? last.id + 1 : id}`,
        nextBackwardToken: `b/${first}`,
      };
    },

    FilterLogEvents(input) {
      const request = readInput(filterLogEvents, input, INVALID);
      const { startTime = 0, endTime = Number.POSITIVE_INFINITY, logStreamNames } = request;
      const { logStreamNamePrefix = '' } = request;
      const matches = textFilter(request.filterPattern);
      const found = groups
        .events(group(request))
        .filter(
          ({ stream, atMs, message }) =>
            atMs >= startTime &&
            atMs <= endTime &&
            stream.startsWith(logStreamNamePrefix) &&
            (logStreamNames === undefined || logStreamNames.includes(stream)) &&
            matches(message),
        );
      const { page, next } = pageOf(found, request.nextToken, request.limit ?? 10_000);
      return {
        events: page.map(({ id, stream, message, atMs, ingestedMs }) => ({
          eventId: String(id),
          logStreamName: stream,
          timestamp: Math.floor(atMs),
          message,
          ingestionTime: Math.floor(ingestedMs),
        })),
        searchedLogStreams: [],
        nextToken: next,
      };
    },
  };
}

function describedGroup({ name, arn, createdMs, retentionDays, ring }: LogGroup): object {
  return {
    logGroupName: name,
    arn: `${arn}:*`,
    logGroupArn: arn,
    creationTime: Math.floor(createdMs),
    retentionInDays: retentionDays,
    storedBytes: ring.characters,
    metricFilterCount: 0,
    logGroupClass: 'STANDARD',
  };
}

/** Which way to read, and the id of the event where that begins (forward) or before which it ends (backward). */
function readCursor(nextToken: string): { direction: 'f' | 'b'; id: number } {
  const [direction, id] = /^([fb])\/(\d+)$/.exec(nextToken)?.slice(1) ?? [];
  if (direction === undefined)
    throw new AwsError(INVALID, `The token "${nextToken}" was not given by this service`);
  return { direction: direction as 'f' | 'b', id: Number(id) };
}
