/** Maps a list, `mostAtATime` of it side by side, in its order. */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  mostAtATime: number,
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  const left = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of left) results[index] = await work(item, index);
  };
  await Promise.all(Array.from({ length: Math.min(mostAtATime, items.length) }, worker));
  return results;
}
