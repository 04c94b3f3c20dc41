// One JSON array, an element a line; the elements are those of jsonl.ts. Cut short, it lacks its closing bracket.
import type { Format, FormatOptions } from './format.js'
import { jsonTexts } from './jsonl.js'

/** `state`: whether no element came yet. */
export const jsonFormat = (options: FormatOptions, state: unknown = true): Format => {
  let empty = state === true
  return {
    *encode(outcomes) {
      for (const lines of jsonTexts(outcomes, options)) {
        // JSON text holds no raw line feed: each is the end of an element.
        const text = Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength - 1).toString()
        yield Buffer.from(`${empty ? '[\n' : ',\n'}${text.replaceAll('\n', ',\n')}`)
        empty = false
      }
    },
    end: () => [Buffer.from(empty ? '[]\n' : '\n]\n')],
    state: () => empty,
  }
}
