// The tutorial's pool.map(sqrt, range(10, N)).
//
//   manyhands map examples/sqrt.ts --range 10..5_000_000 --output roots.f64
//
// roots.f64 holds one double after another: new Float64Array(buffer) reads it.

/** The square root: as little work an item as there is. */
export default function sqrt(x: number): number {
  return Math.sqrt(x)
}
