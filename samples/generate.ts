/**
 * Writes the sample feeds beside this file: sign-ups, payments and orders of a small shop over five minutes, with what a real day
 * brings along (duplicates, stragglers, messages from services that do not know the format), and the webhooks that its providers
 * send meanwhile. Deterministic; run it after a change: `npm run samples`.
 */
import { writeFileSync } from 'node:fs';
import { mulberry32 } from './random.ts';
import { incoming, shopEvents } from './webhook-events.ts';

type Line = Record<string, unknown> & { afterSeconds: number };

const random = mulberry32(20_26);
const pick = <Value>(values: readonly Value[]): Value =>
  values[Math.floor(random() * values.length)] as Value;
const between = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1));

const FIRST = [
  'Amara',
  'Björn',
  'Chloé',
  'Dmitri',
  'Elif',
  'Farah',
  'Gaël',
  'Hana',
  'Ines',
  'João',
  'Kwame',
  'Lucía',
  'Mateusz',
  'Nguyễn',
  'Olena',
  'Priya',
  'Qing',
  'Rahel',
  'Søren',
  'Tomáš',
];
const LAST = [
  'Adeyemi',
  'Bergström',
  'Castro',
  'Dubois',
  'Eriksen',
  'Fujita',
  'García',
  'Haddad',
  'Iyer',
  'Jansen',
  'Kowalski',
  'Lindqvist',
  'Moreau',
  'Novák',
  'O’Brien',
  'Petrov',
  'Quispe',
  'Rossi',
  'Schäfer',
  'Tran',
];

const ACCOUNTS = Array.from({ length: 24 }, (_, index) => ({
  accountId: `acc-${String(index + 1).padStart(4, '0')}`,
  balanceMinor: 50_000 + index * 1_250,
  currency: ['EUR', 'USD', 'GBP', 'JPY'][index % 4] as string,
}));

const CATALOGUE = [
  ['MUG-BLUE', 'Mug, blue', 1250],
  ['MUG-WHITE', 'Mug, white', 1150],
  ['TEA-ASSAM', 'Assam tea, 250 g', 890],
  ['TEA-SENCHA', 'Sencha, 100 g', 1490],
  ['POT-IRON', 'Cast-iron pot, 0.8 l', 5900],
  ['TRAY-OAK', 'Oak tray', 3450],
  ['CLOTH-LINEN', 'Linen cloth', 1800],
  ['KETTLE-STEEL', 'Kettle, steel', 7900],
] as const;

/** Scarce: five people want the last three. */
const SCARCE = { sku: 'POT-LIMITED', title: 'Raku tea bowl, limited', unitPriceMinor: 24_000, available: 3 };

const STOCK = [
  ...CATALOGUE.map(([sku]) => ({ sku, available: 500 })),
  { sku: SCARCE.sku, available: SCARCE.available },
];

function person(): { name: string; email: string } {
  const name = `${pick(FIRST)} ${pick(LAST)}`;
  const local = name
    .normalize('NFD')
    .replaceAll(/[^A-Za-z ]/g, '')
    .toLowerCase()
    .replaceAll(' ', '.');
  return {
    name,
    email: `${local}.${between(1, 999)}@${pick(['example.com', 'example.org', 'example.net'])}`,
  };
}

function signUps(): Line[] {
  const lines = Array.from({ length: 120 }, (_, index): Line => {
    const { name, email } = person();
    return {
      afterSeconds: between(0, 300),
      type: 'send-email',
      id: `signup-${index + 1}`,
      data: {
        notificationId: `welcome:user-${1000 + index}`,
        to: email,
        message: { template: 'welcome', values: { name } },
      },
    };
  });
  for (const [index, to] of [
    'ana..costa@example.com',
    'no-at-sign.example.com',
    'spaces in@example.com',
  ].entries())
    lines.push({
      afterSeconds: between(0, 60),
      type: 'send-email',
      id: `signup-mistyped-${index + 1}`,
      data: {
        notificationId: `welcome:mistyped-${index + 1}`,
        to,
        message: { template: 'welcome', values: { name: 'Ana' } },
      },
    });
  return lines;
}

function payments(): Line[] {
  const lines = Array.from({ length: 180 }, (_, index): Line => {
    const { accountId, currency } = pick(ACCOUNTS);
    // Money out stays so small that the opening balances cover all of it, in whatever order it comes.
    const amountMinor = random() < 0.6 ? between(500, 20_000) : -between(100, 1_500);
    return payment(
      between(0, 240),
      `payment-${index + 1}`,
      `tx-${100_000 + index}`,
      accountId,
      amountMinor,
      currency,
    );
  });
  lines.push(
    payment(20, 'payment-overdraft', 'tx-overdraft', 'acc-0003', -90_000_000, 'GBP'),
    payment(25, 'payment-deleted-account', 'tx-deleted-account', 'acc-0099', 2_500, 'EUR'),
    payment(30, 'payment-wrong-currency', 'tx-wrong-currency', 'acc-0001', 1_000, 'JPY'),
    payment(200, 'payment-key-reused', 'tx-100000', 'acc-0002', 77_777, 'USD'),
  );
  return lines;
}

function payment(
  afterSeconds: number,
  id: string,
  transactionId: string,
  accountId: string,
  amountMinor: number,
  currency: string,
): Line {
  return {
    afterSeconds,
    type: 'process-payment',
    id,
    data: { transactionId, accountId, amountMinor, currency },
  };
}

function orders(): Line[] {
  const lines = Array.from({ length: 70 }, (_, index): Line => {
    const wanted = [...CATALOGUE].sort(() => random() - 0.5).slice(0, between(1, 4));
    return order(
      between(0, 280),
      `order-${index + 1}`,
      `R-${5000 + index}`,
      wanted.map(([sku, title, unitPriceMinor]) => ({ sku, title, quantity: between(1, 3), unitPriceMinor })),
    );
  });
  for (let index = 0; index < 5; index++) {
    const { available: _, ...item } = SCARCE;
    lines.push(
      order(10 + index, `order-scarce-${index + 1}`, `R-SCARCE-${index + 1}`, [{ ...item, quantity: 1 }]),
    );
  }
  return lines;
}

function order(afterSeconds: number, id: string, reference: string, lines: unknown[]): Line {
  return {
    afterSeconds,
    type: 'place-order',
    id,
    data: { reference, customer: person(), lines, currency: 'EUR' },
  };
}

/** Drawn from numbers of their own, so that they change nothing of the lines before them. */
function charges(): Line[] {
  const draw = mulberry32(20_27);
  const within = (least: number, most: number): number => least + Math.floor(draw() * (most - least + 1));
  const methods = ['pm_card_visa', 'pm_card_mastercard', 'pm_card_amex'];
  const declined = ['pm_card_insufficient_funds', 'pm_card_expired', 'pm_card_stolen'];
  const lines = Array.from({ length: 48 }, (_, index): Line => {
    const from = index % 8 === 7 ? declined : methods;
    return charge(within(0, 260), `charge-${index + 1}`, {
      chargeId: `sub-2026-11-${1000 + index}`,
      customer: `cus_${1000 + index}`,
      paymentMethod: from[within(0, 2)] as string,
      amountMinor: within(4, 120) * 100 - 1,
      currency: (['EUR', 'USD', 'GBP'] as const)[within(0, 2)] as string,
    });
  });
  const unknown = {
    customer: 'cus_unknown',
    paymentMethod: 'pm_card_visa',
    amountMinor: 999,
    currency: 'EUR',
  };
  const again = Array.from({ length: 10 }, (): Line => {
    const original = lines[within(0, lines.length - 1)] as Line;
    return { ...original, afterSeconds: original.afterSeconds + ([0, 1, 30, 240][within(0, 3)] as number) };
  });
  return [
    ...lines,
    charge(10, 'charge-unknown-customer', { chargeId: 'sub-2026-11-unknown', ...unknown }),
    ...again,
  ];
}

function charge(afterSeconds: number, id: string, data: Record<string, unknown>): Line {
  return { afterSeconds, type: 'charge-card', id, data };
}

/** Of this day and the next, whichever they are: the day of the samples is the one on which they are run. */
function reports(): Line[] {
  const picture = (name: string, file: string) => ({ name, source: `s3://report-assets/${file}` });
  const report = (
    afterSeconds: number,
    name: string,
    title: string,
    email: string,
    assets: unknown[],
  ): Line => ({
    afterSeconds,
    type: 'generate-report',
    id: `report-${name}`,
    data: {
      reportId: `${name}-{today}`,
      title,
      period: { from: '{today}', to: '{today+1}' },
      email,
      assets,
    },
  });
  const lines = [
    report(150, 'morning', 'The shop this morning', 'ines.moreau@example.com', [
      picture('Mugs', 'mugs.jpg'),
      picture('Shelf', 'shelf.jpg'),
    ]),
    report(260, 'accounting', 'Buchhaltung: Zahlungen', 'jonas.schafer@example.com', []),
    report(280, 'shop-window', 'Витрина и заказы 店頭報告', 'olena.novak@example.org', [
      picture('Teapot', 'teapot.jpg'),
      picture('Window', 'window.jpg'),
      picture('Window, evening', 'window-cut-off.jpg'),
      picture('Logo', 'logo.png'),
      picture('Façade', 'not-a-picture.jpg'),
      picture('Basement', 'never-taken.jpg'),
    ]),
    report(290, 'stock', 'What was ordered today', 'priya.iyer@example.net', [picture('Shelf', 'shelf.jpg')]),
    report(295, 'evening', 'The shop this evening', 'ines.moreau@example.com', [
      picture('Mugs', 'mugs.jpg'),
      picture('Teapot', 'teapot.jpg'),
    ]),
  ];
  return [...lines, { ...(lines[2] as Line), afterSeconds: 281 }];
}

/** The same message again: a publisher that timed out and sent it twice, at once or minutes later. */
function duplicatesOf(lines: readonly Line[]): Line[] {
  return Array.from({ length: 40 }, () => {
    const original = pick(lines);
    return { ...original, afterSeconds: original.afterSeconds + pick([0, 0, 1, 30, 240]) };
  });
}

/** What other services get wrong; sent to a queue as it stands. */
function malformed(): Line[] {
  const event = {
    specversion: '1.0',
    id: 'broken',
    source: '/legacy/crm',
    type: 'process-payment',
    data: { transactionId: 'tx-broken', accountId: 'acc-0001', amountMinor: 100, currency: 'EUR' },
  };
  const { specversion: _v, ...withoutVersion } = event;
  const { id: _i, ...withoutId } = event;
  const { data: _d, ...withoutData } = event;
  const deep = JSON.stringify({ ...event, data: 0 }).replace(
    '"data":0',
    `"data":${'['.repeat(500)}${']'.repeat(500)}`,
  );
  const bodies: [string, string][] = [
    ['process-payment', 'transaction=tx-1&amount=12.50'],
    ['process-payment', '{"specversion":"1.0","id":"cut-off","type":"process-pay'],
    ['process-payment', '["tx-1", 1250, "EUR"]'],
    ['process-payment', JSON.stringify(withoutVersion)],
    ['process-payment', JSON.stringify({ ...event, specversion: '0.3' })],
    ['process-payment', JSON.stringify(withoutId)],
    ['process-payment', JSON.stringify(withoutData)],
    ['process-payment', JSON.stringify({ ...event, data: { ...event.data, amountMinor: 12.5 } })],
    ['process-payment', deep],
    ['place-order', JSON.stringify({ ...event, type: 'cancel-order' })],
    ['send-email', JSON.stringify(event)],
    [
      'send-email',
      JSON.stringify({
        ...event,
        type: 'send-email',
        data: { notificationId: '', to: 'x@example.com', message: { template: 'newsletter' } },
      }),
    ],
  ];
  return bodies.map(([queue, body], index) => ({ afterSeconds: 5 + index * 7, queue, body }));
}

const proper = [...signUps(), ...payments(), ...orders()];
const feed = [
  ...proper,
  ...duplicatesOf(proper),
  ...malformed(),
  ...charges(),
  ...reports(),
  ...shopEvents(),
].sort((a, b) => a.afterSeconds - b.afterSeconds);
const here = (file: string): URL => new URL(file, import.meta.url);
const ndjson = (lines: readonly unknown[]): string =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join('');
writeFileSync(here('jobs.ndjson'), ndjson(feed));
writeFileSync(here('webhooks.ndjson'), ndjson(incoming()));
writeFileSync(here('opening.json'), `${JSON.stringify({ accounts: ACCOUNTS, stock: STOCK }, null, 2)}\n`);
