/** Minor units as the currency writes them: 1999 EUR is `€19.99`, 1999 JPY is `¥1,999`. */
export function money(amountMinor: number, currency: string): string {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  return format.format(amountMinor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}
