import { AwsError } from '../kernel/errors.ts';
import type { MessageAttributes } from '../sqs/index.ts';
import type { Form } from './form.ts';

/** @throws AwsError `ParameterValueInvalid` */
export function readMessageAttributes(form: Form): MessageAttributes {
  return Object.fromEntries(
    form.items('MessageAttributes', 'entry').map((item) => {
      const name = item.required('Name');
      const DataType = item.required('Value.DataType');
      const text = item.text('Value.StringValue');
      const binary = item.text('Value.BinaryValue');
      if (!/^(String|Number|Binary)(\.|$)/.test(DataType))
        throw new AwsError(
          'ParameterValueInvalid',
          `The message attribute '${name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
        );
      if ((DataType.startsWith('Binary') ? binary : text) === undefined)
        throw new AwsError(
          'ParameterValueInvalid',
          `The message attribute '${name}' must contain non-empty message attribute value for message attribute type '${DataType}'.`,
        );
      return [
        name,
        {
          DataType,
          ...(text !== undefined && { StringValue: text }),
          ...(binary !== undefined && { BinaryValue: binary }),
        },
      ];
    }),
  );
}

/** As a notification's JSON has them. */
export function notificationAttributes(
  attributes: MessageAttributes,
): Record<string, { Type: string; Value: string }> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, { DataType, StringValue, BinaryValue }]) => [
      name,
      { Type: DataType, Value: StringValue ?? BinaryValue ?? '' },
    ]),
  );
}
