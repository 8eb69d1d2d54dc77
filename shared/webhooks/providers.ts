import { acmeShop } from './acme-shop.ts';
import type { WebhookProvider } from './provider.ts';
import { stripe } from './stripe.ts';

/** Everyone who sends us webhooks. A new provider is added here once; the ingress, its secrets and the consumer find it by its name. */
export const WEBHOOK_PROVIDERS: readonly WebhookProvider[] = [acmeShop, stripe];

export function providerByName(name: string): WebhookProvider | undefined {
  return WEBHOOK_PROVIDERS.find((provider) => provider.name === name);
}
