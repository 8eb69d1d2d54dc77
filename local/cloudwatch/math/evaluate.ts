import type { BinaryOperator, Expression, FunctionName } from './syntax.ts';

/** One value a period, oldest first; `undefined` where there is none. */
export type SeriesValues = readonly (number | undefined)[];
export type MathValue = number | undefined | SeriesValues;

export interface MathScope {
  readonly periodSeconds: number;
  /** How many periods every series here has. */
  readonly length: number;
  value(id: string): MathValue;
}

/** Evaluates an expression that `checkExpression` has accepted. */
export function evaluate(expression: Expression, scope: MathScope): MathValue {
  switch (expression.kind) {
    case 'number':
      return expression.value;
    case 'id':
      return scope.value(expression.id);
    case 'negative':
      return pointwise(scope, [evaluate(expression.operand, scope)], ([value]) => negated(value));
    case 'binary': {
      const sides = [evaluate(expression.left, scope), evaluate(expression.right, scope)];
      return pointwise(scope, sides, ([left, right]) => calculated(expression.operator, left, right));
    }
    case 'call':
      return call(expression.name, expression.args, scope);
    default:
      throw new Error(`A ${expression.kind} has no value of its own`);
  }
}

function call(name: FunctionName, args: readonly Expression[], scope: MathScope): MathValue {
  const [first, second] = args as [Expression, Expression];
  switch (name) {
    case 'IF':
      return pointwise(
        scope,
        args.map((arg) => evaluate(arg, scope)),
        ([condition, yes, no]) => (condition === undefined ? undefined : condition !== 0 ? yes : no),
      );
    case 'FILL': {
      const series = seriesOf(first, scope);
      if (second.kind === 'word') return second.word === 'REPEAT' ? repeated(series) : linear(series);
      return pointwise(scope, [series, evaluate(second, scope)], ([value, filler]) => value ?? filler);
    }
    case 'RATE':
      return rate(seriesOf(first, scope), scope.periodSeconds);
    default:
      if (first.kind !== 'list') return aggregate(name, seriesOf(first, scope));
      return pointwise(
        scope,
        first.items.map((item) => evaluate(item, scope)),
        (values) => aggregate(name, values),
      );
  }
}

function seriesOf(expression: Expression, scope: MathScope): SeriesValues {
  return evaluate(expression, scope) as SeriesValues;
}

/** Applies `calculate` period by period, a number standing for itself in each; to numbers alone, once. */
function pointwise(
  scope: MathScope,
  values: readonly MathValue[],
  calculate: (values: readonly (number | undefined)[]) => number | undefined,
): MathValue {
  if (!values.some(Array.isArray)) return calculate(values as (number | undefined)[]);
  return Array.from({ length: scope.length }, (_, index) =>
    calculate(values.map((value) => (Array.isArray(value) ? value[index] : (value as number | undefined)))),
  );
}

function negated(value: number | undefined): number | undefined {
  return value === undefined ? undefined : -value;
}

/** Without a value on either side there is none; nor is there one for a division by zero. */
function calculated(
  operator: BinaryOperator,
  left: number | undefined,
  right: number | undefined,
): number | undefined {
  if (left === undefined || right === undefined) return undefined;
  const result = Number(OPERATIONS[operator](left, right));
  return Number.isFinite(result) ? result : undefined;
}

const OPERATIONS: Readonly<Record<BinaryOperator, (left: number, right: number) => number | boolean>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '^': (left, right) => left ** right,
  '<': (left, right) => left < right,
  '<=': (left, right) => left <= right,
  '>': (left, right) => left > right,
  '>=': (left, right) => left >= right,
  '==': (left, right) => left === right,
  '!=': (left, right) => left !== right,
  '&&': (left, right) => left !== 0 && right !== 0,
  '||': (left, right) => left !== 0 || right !== 0,
};

/** Over the values that are there. */
function aggregate(name: FunctionName, values: SeriesValues): number | undefined {
  const known = values.filter((value) => value !== undefined);
  if (known.length === 0) return undefined;
  if (name === 'MAX') return Math.max(...known);
  if (name === 'MIN') return Math.min(...known);
  const sum = known.reduce((total, value) => total + value, 0);
  return name === 'AVG' ? sum / known.length : sum;
}

function repeated(series: SeriesValues): SeriesValues {
  let last: number | undefined;
  return series.map((value) => {
    last = value ?? last;
    return last;
  });
}

/** On the straight line between the values before and after a gap; a gap at an end stays. */
function linear(series: SeriesValues): SeriesValues {
  return series.map((value, index) => {
    if (value !== undefined) return value;
    const before = series.findLastIndex((each, at) => at < index && each !== undefined);
    const after = series.findIndex((each, at) => at > index && each !== undefined);
    const [from, to] = [series[before], series[after]];
    if (from === undefined || to === undefined) return undefined;
    return from + ((to - from) * (index - before)) / (after - before);
  });
}

/** Change a second since the value before, over a gap too. */
function rate(series: SeriesValues, periodSeconds: number): SeriesValues {
  let last: { readonly value: number; readonly index: number } | undefined;
  return series.map((value, index) => {
    if (value === undefined) return undefined;
    const change = last && (value - last.value) / ((index - last.index) * periodSeconds);
    last = { value, index };
    return change;
  });
}
