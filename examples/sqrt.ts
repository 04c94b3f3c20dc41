/** The square root: as little work an item as there is. */
export default function sqrt(x: number): number {
  return Math.sqrt(x)
}
