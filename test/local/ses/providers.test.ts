import { expect, it } from 'vitest';
import { LocalCloudError } from '../../../local/kernel/errors.ts';
import { SesLab } from './ses-lab.ts';

it('gives a configuration set without a name the generated one', async () => {
  await using lab = await SesLab.open();
  const { ref } = lab.provision('AWS::SES::ConfigurationSet', {
    ReputationOptions: { ReputationMetricsEnabled: true },
    SuppressionOptions: { SuppressedReasons: ['BOUNCE', 'COMPLAINT'] },
  });
  expect(ref).toBe('Stack-Resource-1');
  await lab.send({ ConfigurationSetName: ref });
});

it('keeps an event destination of a configuration set that is there', async () => {
  await using lab = await SesLab.open();
  const properties = { ConfigurationSetName: 'emails', EventDestination: { Name: 'events', Enabled: true } };
  expect(() => lab.provision('AWS::SES::ConfigurationSetEventDestination', properties)).toThrow(
    'names the configuration set "emails", which the template does not hold',
  );
  lab.provision('AWS::SES::ConfigurationSet', { Name: 'emails' });
  expect(lab.provision('AWS::SES::ConfigurationSetEventDestination', properties).ref).toBe('emails|events');
});

it('refuses a property that it does not know, by stack, id, type and name', async () => {
  await using lab = await SesLab.open();
  for (const type of ['EmailIdentity', 'ConfigurationSet', 'ConfigurationSetEventDestination'])
    expect(() => lab.provision(`AWS::SES::${type}`, { Novelty: 1 })).toThrow(
      new LocalCloudError(
        'UNKNOWN_PROPERTY',
        `Stack/Resource (AWS::SES::${type}) has the property "Novelty", which the local cloud does not know.`,
      ),
    );
});
