import { AwsError } from '../kernel/errors.ts';
import { asAwsError } from '../kernel/json-protocol.ts';
import type { ServiceRequest, ServiceResponse } from '../kernel/service.ts';
import { type XmlElements, xmlDocument } from '../kernel/xml.ts';
import { Form } from './form.ts';

const NAMESPACE = 'http://sns.amazonaws.com/doc/2010-03-31/';

/** Reads its input from the form; what it returns then does the work, once it is sure that the form holds nothing else. */
export type QueryOperation = (form: Form) => () => XmlElements | undefined;

/** For an operation that answers nothing. */
export function nothing(work: () => unknown): () => undefined {
  return () => {
    work();
  };
}

/** AWS's query protocol: the operation and its input as a form, XML out. */
export function handleQuery(
  request: ServiceRequest,
  operations: Readonly<Record<string, QueryOperation>>,
): ServiceResponse {
  const RequestId = crypto.randomUUID();
  try {
    const form = new Form(new URLSearchParams(request.body.toString('utf8')));
    form.text('Version');
    const name = form.text('Action') ?? '';
    const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
    if (!operation)
      throw new AwsError('InvalidAction', `The local cloud's SNS does not know the operation "${name}"`);
    const act = operation(form);
    form.refuseUnread(name);
    const result = act();
    return xml(200, `${name}Response`, {
      ...(result && { [`${name}Result`]: result }),
      ResponseMetadata: { RequestId },
    });
  } catch (error) {
    const { code, message, status } = asAwsError(error);
    const Type = status < 500 ? 'Sender' : 'Receiver';
    return xml(status, 'ErrorResponse', { Error: { Type, Code: code, Message: message }, RequestId });
  }
}

function xml(status: number, name: string, value: XmlElements): ServiceResponse {
  return { status, headers: { 'content-type': 'text/xml' }, body: xmlDocument(name, NAMESPACE, value) };
}
