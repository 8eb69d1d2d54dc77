import { createHash, randomBytes } from 'node:crypto';

/**
 * So often one chain of requests may invoke a function; it is not invoked for the 17th time.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html ("approximately 16")
 */
const MOST_INVOCATIONS = 16;

/** Of each function that a chain has invoked, how often it had done so before. */
type Lineage = ReadonlyMap<string, number>;

/** Whether the chain that an event came by has invoked the function as often as a chain may. */
export function isLoop(traceHeader: string | undefined, functionArn: string): boolean {
  return timesInvoked(lineageOf(traceHeader), functionArn) >= MOST_INVOCATIONS;
}

/**
 * What an invocation is told in `_X_AMZN_TRACE_ID`, which SDKs send along with each of its requests: the chain that its event came by, one
 * invocation longer, as `Lineage=a87bd80c:1|68fd508a:5`.
 */
export function traceHeader(came: string | undefined, functionArn: string, nowMs: number): string {
  const lineage = lineageOf(came);
  const longer = new Map([...lineage, [hashOf(functionArn), timesInvoked(lineage, functionArn)]]);
  const root = field(came, 'Root') ?? newRoot(nowMs);
  return `Root=${root};Parent=${randomBytes(8).toString('hex')};Sampled=0;Lineage=${written(longer)}`;
}

/**
 * The header of several events that come as one batch. AWS does not document how their chains are counted: here the invocation is in all
 * of them, each function with its highest count, so that a loop is found whatever it shares its batches with.
 */
export function headerOfBatch(headers: readonly (string | undefined)[]): string | undefined {
  const came = headers.filter((header) => header !== undefined);
  if (came.length <= 1) return came[0];
  const together = new Map<string, number>();
  for (const [hash, count] of came.flatMap((header) => [...lineageOf(header)]))
    together.set(hash, Math.max(count, together.get(hash) ?? 0));
  const root = field(came[0], 'Root');
  return [root && `Root=${root}`, together.size > 0 && `Lineage=${written(together)}`]
    .filter(Boolean)
    .join(';');
}

function timesInvoked(lineage: Lineage, functionArn: string): number {
  const before = lineage.get(hashOf(functionArn));
  return before === undefined ? 0 : before + 1;
}

function hashOf(functionArn: string): string {
  return createHash('sha256').update(functionArn).digest('hex').slice(0, 8);
}

function lineageOf(header: string | undefined): Lineage {
  const entries = (field(header, 'Lineage') ?? '').split('|').map((entry) => /^(\w+):(\d+)$/.exec(entry));
  return new Map(entries.flatMap((entry) => (entry ? [[String(entry[1]), Number(entry[2])]] : [])));
}

function written(lineage: Lineage): string {
  return [...lineage].map(([hash, count]) => `${hash}:${count}`).join('|');
}

function field(header: string | undefined, name: string): string | undefined {
  return header
    ?.split(';')
    .find((part) => part.startsWith(`${name}=`))
    ?.slice(name.length + 1);
}

function newRoot(nowMs: number): string {
  return `1-${Math.floor(nowMs / 1000).toString(16)}-${randomBytes(12).toString('hex')}`;
}
