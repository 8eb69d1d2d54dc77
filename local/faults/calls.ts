import { AwsError } from '../kernel/errors.ts';
import type { Service, ServiceRequest, ServiceResponse } from '../kernel/service.ts';
import { callerKeyId } from '../lambda/api.ts';
import type { Environment, Lambda } from '../lambda/index.ts';
import { halved, refused, reset, withoutEntries } from './answers.ts';
import type { Fault, FaultRule, HeldFault, ObservedCall, RefusedEntries, SlowFault } from './fault.ts';

interface CallSite {
  readonly service: Service;
  readonly request: ServiceRequest;
  /** Of a function that calls. */
  readonly environment: Environment | undefined;
}

/** Lets faults befall the calls to the cloud's services, by rules that see each call twice. */
export class CallFaults {
  readonly #lambda: Lambda;
  readonly #rules = { functions: new Set<FaultRule>(), outside: new Set<FaultRule>() };
  readonly #calls = new Map<string, number>();

  constructor(lambda: Lambda) {
    this.#lambda = lambda;
  }

  add(callers: 'functions' | 'outside', rule: FaultRule): () => void {
    this.#rules[callers].add(rule);
    return () => this.#rules[callers].delete(rule);
  }

  observed(service: Service): Service {
    return {
      signingName: service.signingName,
      ...(service.open && { open: service.open }),
      handle: (request) => this.#handle(service, request),
    };
  }

  async #handle(service: Service, request: ServiceRequest): Promise<ServiceResponse> {
    const { functions, outside } = this.#rules;
    const keyId = functions.size + outside.size > 0 ? callerKeyId(request) : undefined;
    const environment = keyId === undefined ? undefined : this.#lambda.environment(keyId);
    if (keyId === undefined || (environment ? functions : outside).size === 0) return service.handle(request);
    const call = this.#describe(service, request, keyId, environment);
    const at = { service, request, environment };
    const before = await this.#apply({ ...call, moment: 'before' }, at);
    if (before.answer) return before.answer;
    const answer = await (before.refusal
      ? withoutEntries(service, request, before.refusal)
      : service.handle(request));
    return (await this.#apply({ ...call, moment: 'after' }, at, answer)).answer ?? answer;
  }

  #describe(
    service: Service,
    request: ServiceRequest,
    accessKeyId: string,
    environment: Environment | undefined,
  ): Omit<ObservedCall, 'moment'> {
    const functionName = environment?.configuration.name ?? '';
    const operation =
      request.headers['x-amz-target']?.split('.').pop() ?? `${request.method} ${request.path}`;
    const key = `${functionName || accessKeyId} ${service.signingName} ${operation}`;
    const nth = (this.#calls.get(key) ?? 0) + 1;
    this.#calls.set(key, nth);
    return {
      functionName,
      accessKeyId,
      service: service.signingName,
      operation,
      query: request.query,
      nth,
      input: () => JSON.parse(request.body.toString('utf8') || '{}') as unknown,
    };
  }

  /** The answer that a rule puts in place of the service's; a slow call only waits. */
  async #apply(
    call: ObservedCall,
    at: CallSite,
    answer?: ServiceResponse,
  ): Promise<{ answer?: ServiceResponse; refusal?: RefusedEntries }> {
    let refusal: RefusedEntries | undefined;
    const rules = at.environment ? this.#rules.functions : this.#rules.outside;
    // All are asked, also where one of them has the say already: rules count.
    for (const fault of [...rules].map((rule) => rule(call))) {
      if (fault === undefined) continue;
      if (isSlow(fault)) await this.#pass(fault.slowSeconds, at.request.signal);
      else if (isHeld(fault)) await fault.heldUntil.catch(() => {});
      else if (isRefusal(fault)) refusal = fault;
      else return { answer: await answerOf(fault, at, answer) };
    }
    return refusal ? { refusal } : {};
  }

  /** In the cloud's time, and no longer than anybody waits. */
  #pass(seconds: number, gone: AbortSignal): Promise<void> {
    return new Promise((resume) => {
      const timer = this.#lambda.context.clock.after(seconds * 1000, resume);
      gone.addEventListener(
        'abort',
        () => {
          timer.cancel();
          resume();
        },
        { once: true },
      );
    });
  }
}

async function answerOf(
  fault: Exclude<Fault, SlowFault | HeldFault | RefusedEntries>,
  { service, request, environment }: CallSite,
  answer: ServiceResponse | undefined,
): Promise<ServiceResponse> {
  switch (fault) {
    case 'kill':
      await environment?.kill();
      return reset(undefined);
    case 'hang':
      if (!request.signal.aborted)
        await new Promise<void>((gone) =>
          request.signal.addEventListener('abort', () => gone(), { once: true }),
        );
      return reset(undefined);
    case 'reset':
      return reset(answer);
    case 'half-answer':
      return halved(answer);
    default:
      return service.refusal?.(fault, request) ?? refused(fault);
  }
}

function isSlow(fault: Fault): fault is SlowFault {
  return typeof fault === 'object' && 'slowSeconds' in fault;
}

function isHeld(fault: Fault): fault is HeldFault {
  return typeof fault === 'object' && 'heldUntil' in fault;
}

function isRefusal(fault: Fault): fault is RefusedEntries {
  return typeof fault === 'object' && !(fault instanceof AwsError) && 'refuse' in fault;
}
