import { validationError } from '../errors.ts';
import type { Expression } from './syntax.ts';

/** What an expression answers: one number, a number for each period, or several of the latter. */
export type MathType = 'number' | 'series' | 'list';

/**
 * Checks an expression before there is any data, so that a template's alarm is refused at its deployment.
 *
 * @param typeOf what an id stands for; `undefined` where nothing has that id
 * @throws AwsError `ValidationException`
 */
export function checkExpression(
  expression: Expression,
  text: string,
  typeOf: (id: string) => MathType | undefined,
): MathType {
  const refuse = (reason: string) => validationError(`The expression "${text}" is refused: ${reason}.`);
  const check = (node: Expression): MathType => {
    switch (node.kind) {
      case 'number':
        return 'number';
      case 'id': {
        const type = typeOf(node.id);
        if (type === undefined) throw refuse(`no metric or expression has the id "${node.id}"`);
        return type;
      }
      case 'word':
        throw refuse(`${node.word} stands only as the second argument of FILL`);
      case 'negative':
        return flat(node.operand);
      case 'binary': {
        const types = [flat(node.left), flat(node.right)];
        return types.includes('series') ? 'series' : 'number';
      }
      case 'list':
        for (const item of node.items) if (check(item) !== 'series') throw refuse('[ ] holds time series');
        if (node.items.length === 0) throw refuse('[ ] is empty');
        return 'list';
      case 'call':
        return checkCall(node);
    }
  };
  const flat = (node: Expression): MathType => {
    const type = check(node);
    if (type === 'list') throw refuse('[ ] stands only as the argument of AVG, MAX, MIN or SUM');
    return type;
  };
  const checkCall = ({ name, args }: Extract<Expression, { kind: 'call' }>): MathType => {
    const [first, second] = args;
    const count = { IF: 3, FILL: 2, RATE: 1, AVG: 1, MAX: 1, MIN: 1, SUM: 1 }[name];
    if (args.length !== count || !first)
      throw refuse(`${name} takes ${count} argument${count === 1 ? '' : 's'}, not ${args.length}`);
    if (name === 'IF') return args.map(flat).includes('series') ? 'series' : 'number';
    const type = check(first);
    if (type === 'number') throw refuse(`${name} takes a time series, not a number`);
    if (name === 'RATE' || name === 'FILL') {
      if (type === 'list') throw refuse(`${name} takes one time series`);
      if (name === 'FILL' && second && second.kind !== 'word') flat(second);
      return 'series';
    }
    return type === 'list' ? 'series' : 'number';
  };
  return check(expression);
}

/** The ids that an expression names. */
export function idsOf(expression: Expression): readonly string[] {
  switch (expression.kind) {
    case 'id':
      return [expression.id];
    case 'negative':
      return idsOf(expression.operand);
    case 'binary':
      return [...idsOf(expression.left), ...idsOf(expression.right)];
    case 'list':
      return expression.items.flatMap(idsOf);
    case 'call':
      return expression.args.flatMap(idsOf);
    default:
      return [];
  }
}
