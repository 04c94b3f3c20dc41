// What a format does, whatever takes its bytes. (file.ts and stream.ts take them; open.ts has the table.)
// In: outcomes in the order of the output. Out: bytes that depend on the outcomes alone, never on how they were cut.
// Always true: what `encode` gives ends at the end of an item; a format holds no more than one span.
import type { Outcomes } from '../../proto/outcome.js'

export interface Format {
  /** Throws when a value cannot be written in this format; the message names its index. */
  encode(outcomes: Outcomes): Iterable<Uint8Array>
  /** What stands after the last item. */
  end(): Iterable<Uint8Array>
  /** What later bytes depend on beside later outcomes, as JSON; a format that is opened with it goes on where this one is. */
  state(): unknown
}

export interface FormatOptions {
  /** Each item as an object that holds its index and its value or failure. */
  readonly tagged: boolean
  /** Spans come as they settle: a failed item that is not tagged is left out, since its place says nothing. */
  readonly unordered: boolean
}
