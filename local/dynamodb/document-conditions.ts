import { type AttributeValue, canonicalForm, type Item } from './attribute-values.ts';
import { db, type Request } from './dynalite.ts';

/** A parsed condition. An operand is a path, a value, or a function of such. */
interface Expression {
  readonly type: string;
  readonly name?: string;
  readonly args: readonly Operand[];
}

type Path = readonly (string | number)[];
type Operand = Path | Expression | AttributeValue;

/**
 * dynalite never finds two lists or two maps equal. Conditions that may compare such are judged here; all else stays with dynalite.
 *
 * @param member `_condition` or `_filter`
 */
export function documentCondition(request: Request, member: string): Expression | undefined {
  const expression = (request[member] as { expression: Expression } | undefined)?.expression;
  return expression && comparesDocuments(expression) ? expression : undefined;
}

export function matches(expression: Expression, item: Item): boolean {
  const { args } = expression;
  switch (expression.type) {
    case 'and':
      return args.every((arg) => matches(arg as Expression, item));
    case 'or':
      return args.some((arg) => matches(arg as Expression, item));
    case 'not':
      return !args.some((arg) => matches(arg as Expression, item));
    default:
      return comparesDocuments(expression)
        ? matchesDocuments(expression, item)
        : db.matchesExprFilter(item, expression);
  }
}

function matchesDocuments(expression: Expression, item: Item): boolean {
  const [subject, ...others] = expression.args.map((arg) => operandValue(arg, item));
  switch (expression.type) {
    case '=':
    case 'in':
      return others.some((other) => isEqual(subject, other));
    case '<>':
      return !others.some((other) => isEqual(subject, other));
    default: {
      const [member] = others;
      if (!member?.L && !member?.M) return db.matchesExprFilter(item, expression);
      return subject?.L?.some((each) => isEqual(each, member)) ?? false;
    }
  }
}

function comparesDocuments(expression: Expression): boolean {
  switch (expression.type) {
    case 'and':
    case 'or':
    case 'not':
      return expression.args.some((arg) => comparesDocuments(arg as Expression));
    case '=':
    case '<>':
    case 'in':
      return isOnDocuments(expression.args);
    case 'function':
      return expression.name === 'contains' && isOnDocuments(expression.args);
    default:
      return false;
  }
}

/** A path may lead to a document, so two paths may be compared as such; a function's result never is one. */
function isOnDocuments(operands: readonly Operand[]): boolean {
  const isPath = (operand: Operand) => Array.isArray(operand);
  const isDocument = (operand: Operand) => 'L' in operand || 'M' in operand;
  return (
    operands.every((operand) => isPath(operand) || isValue(operand)) &&
    (operands.some(isDocument) || operands.every(isPath))
  );
}

function isValue(operand: Operand): operand is AttributeValue {
  return !Array.isArray(operand) && !('args' in operand);
}

function operandValue(operand: Operand, item: Item): AttributeValue | undefined {
  return Array.isArray(operand)
    ? ((db.mapPath(operand, item) ?? undefined) as AttributeValue | undefined)
    : (operand as AttributeValue);
}

function isEqual(a: AttributeValue | undefined, b: AttributeValue | undefined): boolean {
  return a !== undefined && b !== undefined && canonicalForm(a) === canonicalForm(b);
}
