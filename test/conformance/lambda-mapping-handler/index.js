// What a message asks for is in its body, so that one function serves the whole suite, on any cloud.
const SHAPE = [
  'attributes',
  'awsRegion',
  'body',
  'eventSource',
  'eventSourceARN',
  'md5OfBody',
  'messageAttributes',
  'messageId',
  'receiptHandle',
];

function insist(holds, what) {
  if (!holds) throw new Error(`not as documented: ${what}`);
}

const wishes = {
  batchOf: (count, records) => insist(records.length === count, `a batch of ${count}, got ${records.length}`),
  batchUpTo: (count, records) => insist(records.length <= count, `at most ${count}, got ${records.length}`),
  receives: (count, records) =>
    insist(Number(records[0].attributes.ApproximateReceiveCount) >= count, `receive ${count}`),
  sleepMs: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  payloadUpToBytes: (bytes, records) =>
    insist(Buffer.byteLength(JSON.stringify({ Records: records })) <= bytes, `at most ${bytes} bytes`),
  documented: (_, [record]) => {
    const known = Object.keys(record).filter((name) => name !== 'md5OfMessageAttributes');
    insist(JSON.stringify(known.sort()) === JSON.stringify(SHAPE), `the keys ${known}`);
    insist(record.eventSource === 'aws:sqs', record.eventSource);
    insist(/^arn:aws:sqs:[\w-]+:\d{12}:/.test(record.eventSourceARN), record.eventSourceARN);
    insist(record.eventSourceARN.split(':')[3] === record.awsRegion, record.awsRegion);
    insist(/^[0-9a-f]{32}$/.test(record.md5OfBody), record.md5OfBody);
    insist(/^\d{13}$/.test(record.attributes.SentTimestamp), record.attributes.SentTimestamp);
    insist(/^\d{13}$/.test(record.attributes.ApproximateFirstReceiveTimestamp), 'first receive');
    insist(record.attributes.ApproximateReceiveCount === '1', record.attributes.ApproximateReceiveCount);
    insist(typeof record.attributes.SenderId === 'string', 'sender');
    const { colour } = record.messageAttributes;
    insist(colour.stringValue === 'red' && colour.dataType === 'String', JSON.stringify(colour));
  },
};

exports.handler = async ({ Records: records }) => {
  const wish = JSON.parse(records[0].body);
  for (const [name, argument] of Object.entries(wish)) await wishes[name]?.(argument, records);
  if ('answer' in wish)
    return JSON.parse(JSON.stringify(wish.answer).replaceAll('$first', records[0].messageId));
  return undefined;
};
