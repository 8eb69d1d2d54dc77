/** A way to break the consumer: exact text of one of its files, and what stands there instead. */
export interface PlantedBug {
  readonly name: string;
  readonly file: string;
  readonly text: string;
  readonly instead: string;
  /** The rules that it may be caught by. */
  readonly rules: readonly string[];
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'acknowledges before recording',
    file: 'shared/consumer/claim-layer.ts',
    text: 'const kept = await this.#persistently(() => this.#records.complete(this.#run, end.result));',
    instead:
      'const kept = true; this.#persistently(() => this.#records.complete(this.#run, end.result)).catch(() => {});',
    rules: ['nothing accepted is lost'],
  },
  {
    name: 'forgets the key',
    file: 'shared/consumer/claiming.ts',
    text: 'if (record.expiration * 1000 <= nowMs && ',
    instead: "if ((record.state === 'completed' || record.expiration * 1000 <= nowMs) && ",
    rules: ['what has ended, or runs elsewhere, is not claimed'],
  },
  {
    name: 'counts deferrals as attempts',
    file: 'shared/consumer/job-records.ts',
    text: "...('deferrals' in next ? { attempts: claim.attempt - 1 } : {}),",
    instead: '',
    rules: ['a deferral spends no attempt'],
  },
  {
    name: 'loses a partial failure',
    file: 'shared/consumer/batch.ts',
    text: 'batchItemFailures: kept.map(',
    instead: 'batchItemFailures: kept.slice(1).map(',
    rules: ['nothing accepted is lost', 'what can never be a job is dead-lettered'],
  },
  {
    name: 'retries a permanent error',
    file: 'shared/consumer/attempt.ts',
    text: 'if (thrown instanceof PermanentError) return { code,',
    instead: 'if (false) return { code,',
    rules: ['a permanent error is not retried'],
  },
  {
    name: 'no jitter',
    file: 'shared/jobs/schedule.ts',
    text: 'Math.ceil(nominal * (JITTER_FLOOR + (1 - JITTER_FLOOR) * random))',
    instead: 'Math.ceil(nominal * (JITTER_FLOOR + (1 - JITTER_FLOOR) * (random && 1)))',
    rules: ['delays carry jitter'],
  },
  {
    name: 'a verdict outlives its life and swallows redriven jobs',
    file: 'shared/jobs/record.ts',
    text: 'verdict.messageId === message.messageId || ',
    instead: 'verdict.messageId !== undefined || ',
    rules: ['a redriven job begins a new life'],
  },
  {
    name: 'writes the record of a step before its effect is known',
    file: 'shared/consumer/step.ts',
    text: 'result = await work();',
    instead: 'await records.finish(name, undefined); result = await work();',
    rules: ['a step is recorded as done once its effect is'],
  },
  {
    name: 'swallows a timeout',
    file: 'shared/consumer/attempt.ts',
    text: 'await Promise.race([work, abandoned]);',
    instead:
      'await Promise.race([work, abandoned.catch((reason) => { if (!(reason instanceof TimedOut)) throw reason; })]);',
    rules: [
      'a job is completed when its handler returned',
      'a job is started when its starter returned',
      'a staged job is completed when its execution succeeded',
    ],
  },
  {
    name: 'runs expired jobs',
    file: 'shared/consumer/batch.ts',
    text: 'expired: message.expirytime !== undefined && nowMs >= Date.parse(message.expirytime),',
    instead: 'expired: false,',
    rules: ['no attempt starts after its job has expired'],
  },
  {
    name: 'starts an execution for each attempt',
    file: 'shared/stages/starter.ts',
    text: "createHash('sha256').update(jobPartitionKey(type, key)).digest('hex');",
    instead: "createHash('sha256').update(jobPartitionKey(type, key) + Date.now()).digest('hex');",
    rules: ['a staged job has one execution under way', 'a stage that has finished does not run again'],
  },
  {
    name: 'remembers no finished stage',
    file: 'shared/stages/run-stage.ts',
    text: 'const work = outer.step(name.slice(STAGE_STEP_PREFIX.length), run, { ifUncertain: repeat() });',
    instead: 'const work = run();',
    rules: ['stages run in their order', 'a stage that has finished does not run again'],
  },
  {
    name: 'gives a staged job that failed for good no message back',
    file: 'shared/stages/execution-ended.ts',
    text: 'await returnMessage(records, ended, execution, runtime);',
    instead: '',
    rules: ['a dead letter lies in the dead-letter queue', 'nothing accepted is lost'],
  },
  {
    name: 'lets an older webhook take its subject back',
    file: 'functions/process-webhook/webhook-states.ts',
    text: 'AND #at < :at)`,',
    instead: 'AND :at = :at)`,',
    rules: ['an event changes its subject once', 'an older event changes nothing'],
  },
  {
    name: 'takes a redirect for a delivery',
    file: 'functions/deliver-webhook/verdict.ts',
    text: 'if (status >= 200 && status < 300) return',
    instead: 'if (status >= 200 && status < 400) return',
    rules: ['a step is recorded as done once its effect is', 'a completed delivery reached its receiver'],
  },
  {
    name: 'completes a job that another run has by now',
    file: 'shared/consumer/job-records.ts',
    text: `ConditionExpression: '#owner = :owner AND #state = :running',
      ExpressionAttributeNames: {
        '#status': 'status',`,
    instead: `ConditionExpression: 'attribute_exists(pk) OR (#owner = :owner AND #state = :running)',
      ExpressionAttributeNames: {
        '#status': 'status',`,
    rules: ['an owner that lost its claim changes nothing', 'a job is completed by the run that did it'],
  },
  {
    name: 'fails an attempt that is not its own any more',
    file: 'shared/consumer/job-records.ts',
    text: "'#owner = :seenOwner AND #state = :seenState AND #attempts = :seenAttempts'",
    instead:
      "'attribute_exists(pk) OR (#owner = :seenOwner AND #state = :seenState AND #attempts = :seenAttempts)'",
    rules: [
      'an owner that lost its claim changes nothing',
      'nobody ends the attempt of another before its claim has run out',
      'what has ended stays as it is',
    ],
  },
  {
    name: 'finishes a step that another run has taken over',
    file: 'shared/consumer/step-records.ts',
    text: "condition: '#owner = :owner',",
    instead: "condition: '#owner = :owner OR attribute_exists(pk)',",
    rules: ['a step that another run took over is left alone'],
  },
  {
    name: 'renews nothing',
    file: 'shared/consumer/settle.ts',
    text: 'return receiveCount > maxReceiveCount - RECEIVES_TO_RENEW_IN;',
    instead: 'return receiveCount > maxReceiveCount + RECEIVES_TO_RENEW_IN;',
    rules: ['an undecided job is not dead-lettered'],
  },
  {
    name: 'takes a message that could not be sent for sent',
    file: 'shared/consumer/resend.ts',
    text: `      messageId: record.messageId,
      error: error as Error,
    });
    return false;
  }
}

/** Deletes`,
    instead: `      messageId: record.messageId,
      error: error as Error,
    });
    return true;
  }
}

/** Deletes`,
    rules: ['nothing accepted is lost'],
  },
  {
    name: 'remembers the last failure alone',
    file: 'shared/consumer/job-records.ts',
    text: 'return history.slice(-LONGEST_HISTORY);',
    instead: 'return history.slice(-1);',
    rules: ['every failed attempt is recorded with its reason'],
  },
  {
    name: 'tells a publisher that a refused message was accepted',
    file: 'shared/client/publisher.ts',
    text: 'for (const { Id, Code, Message, SenderFault } of Failed) {',
    instead: `for (const { Id } of Failed) {
        const taken = batch[Number(Id)];
        if (taken) answers.set(taken, { index: taken.index, jobId: taken.jobId, messageId: '' });
      }
      for (const { Id, Code, Message, SenderFault } of [] as typeof Failed) {`,
    rules: ['what was accepted is on its queue'],
  },
];
