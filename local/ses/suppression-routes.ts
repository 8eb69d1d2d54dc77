import type { RestRoutes } from '../kernel/rest-json.ts';
import { parseMailbox } from './address.ts';
import { badRequest } from './errors.ts';
import type { Suppression, Suppressions } from './suppressions.ts';

const PATH = '/v2/email/suppression/addresses';
const PAGE_LIMIT = 1000;

/** The suppression list over the API. */
export function suppressionRoutes(suppressions: Suppressions, nowMs: () => number): RestRoutes {
  return {
    [`PUT ${PATH}`]({ input }) {
      const { address } = parseMailbox(String(input.EmailAddress ?? ''));
      suppressions.put(address, input.Reason, Math.floor(nowMs()));
    },
    [`GET ${PATH}/*`]: ({ parameter }) => ({
      SuppressedDestination: described(suppressions.get(parameter)),
    }),
    [`DELETE ${PATH}/*`]: ({ parameter }) => suppressions.delete(parameter),
    [`GET ${PATH}`]({ query }) {
      const limit = Number(query.get('PageSize') ?? PAGE_LIMIT);
      if (!(limit >= 1 && limit <= PAGE_LIMIT))
        throw badRequest(`PageSize ${query.get('PageSize')} is not 1 to ${PAGE_LIMIT}`);
      const reasons = query.getAll('Reason');
      const [startMs, endMs] = [
        timeOf(query.get('StartDate') ?? 0),
        timeOf(query.get('EndDate') ?? Number.MAX_SAFE_INTEGER),
      ];
      const found = suppressions.list({
        after: query.get('NextToken') ?? '',
        limit,
        reasons,
        startMs,
        endMs,
      });
      const last = found.length === limit ? found.at(-1) : undefined;
      return {
        SuppressedDestinationSummaries: found.map(described),
        ...(last && { NextToken: last.address }),
      };
    },
  };
}

/** SDKs write timestamps in a query as ISO dates. */
function timeOf(value: string | number): number {
  const ms = typeof value === 'number' ? value : Date.parse(value);
  if (Number.isNaN(ms)) throw badRequest(`"${value}" is no date`);
  return ms;
}

function described({ address, reason, atMs }: Suppression): object {
  return { EmailAddress: address, Reason: reason, LastUpdateTime: atMs / 1000 };
}
