/** Where a key leads in a strip; null for a key that leads nowhere. */
export function moved(key: string, at: number, count: number): number | null {
  const places: { [key: string]: number } = {
    ArrowLeft: at - 1,
    ArrowRight: at + 1,
    Home: 0,
    End: count - 1
  };
  const next = places[key];
  return next === undefined || next < 0 || next >= count ? null : next;
}
