// Values on their way: packed forms that never become arrays of boxed values unless somebody asks for them.
// In: values of a language, lines of a file, a range. Out: the same values, item for item, in any of the three runners.
// Always true: what an item arrives as depends on the item alone, never on its neighbours or on where a shard was cut.
// (docs/worker-protocol.md has the rules for readers of other languages.)

/**
 * A batch of values.
 * - `range`: start, start + step, …; safe integers.
 * - `f64`: doubles, and doubles they stay (Python: float).
 * - `number`: JavaScript numbers; a safe integer other than -0 is an integer where the language has integers.
 * - `i64`: integers (JavaScript: a number where it is safe, else a bigint).
 * - `json`: `count` extended JSON texts in UTF-8, each ended by one line feed (JSON text never holds a raw one).
 */
export type Items =
  | { readonly form: 'range'; readonly start: number; readonly step: number; readonly count: number }
  | { readonly form: 'f64'; readonly values: Float64Array }
  | { readonly form: 'number'; readonly values: Float64Array }
  | { readonly form: 'i64'; readonly values: BigInt64Array }
  | { readonly form: 'json'; readonly count: number; readonly text: Uint8Array }
