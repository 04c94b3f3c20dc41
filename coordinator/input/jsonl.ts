// One JSON text a line. Each is checked here and passed on as it is written, so that 12345678901234567890 and 1.0 stay
// what they are. Extended JSON is understood (docs/worker-protocol.md), so that an output can be an input.
// In: bytes. Out: an item a line; lines of white space alone are skipped; a line that is no JSON is undecodable by its number.
import { isUtf8 } from 'node:buffer'
import type { ByteSource } from './byte-source.js'
import type { Input, InputBatch } from './input.js'
import { type BlockParser, linesOf, notUtf8, TextInput } from './text-input.js'

export const openJsonl = (source: ByteSource, lineLimitBytes?: number): Input =>
  new TextInput(source, jsonlParser(source.name), lineLimitBytes)

const jsonlParser = (name: string): BlockParser => ({
  parse(given, firstLine, emit) {
    const block = given.includes('\r\n') ? withoutReturns(given) : given
    const count = isUtf8(block) ? countIfAllGood(block) : undefined
    if (count === undefined) careful(name, block, firstLine, emit)
    else emit({ items: { form: 'json', count, text: block } })
  },
})

const withoutReturns = (block: Buffer): Buffer =>
  Buffer.from(block.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')

const NUMBER_LINE = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?\n/y

/** The number of lines when all of them are JSON and can be passed on as one piece. */
const countIfAllGood = (block: Buffer): number | undefined => {
  // Latin-1 reads far faster, and no byte of a longer UTF-8 sequence is one that JSON gives a meaning.
  const text = block.toString('latin1')
  if (text.includes('\r')) return undefined
  let count = 0
  try {
    for (let at = 0; at < text.length; count++) {
      // Lines that are numbers are many and short: a call of JSON.parse for each would be most of the cost.
      const first = text.charCodeAt(at)
      if (first < 58 && first !== 34) {
        NUMBER_LINE.lastIndex = at
        if (!NUMBER_LINE.test(text)) return undefined
        at = NUMBER_LINE.lastIndex
        continue
      }
      const end = text.indexOf('\n', at)
      JSON.parse(text.slice(at, end))
      at = end + 1
    }
  } catch {
    return undefined
  }
  return count
}

const careful = (name: string, block: Buffer, firstLine: number, emit: (batch: InputBatch) => void): void => {
  let lines: Buffer[] = []
  const flush = () => {
    const text = Buffer.concat(lines.flatMap(line => [line, LINE_FEED]))
    if (lines.length > 0) emit({ items: { form: 'json', count: lines.length, text } })
    lines = []
  }
  for (const { bytes, line } of linesOf(block, firstLine)) {
    const wrong = whatIsWrong(bytes)
    if (wrong === 'blank') continue
    if (wrong === undefined)
      lines.push(bytes.includes(13) ? Buffer.from(bytes.toString().replaceAll('\r', ' ')) : bytes)
    else {
      flush()
      emit({ undecodable: `${name}:${line}: ${wrong}` })
    }
  }
  flush()
}

const LINE_FEED = Buffer.from('\n')

const whatIsWrong = (bytes: Buffer): string | undefined => {
  if (!isUtf8(bytes)) return notUtf8(bytes)
  const text = bytes.toString()
  if (/^[ \t\r]*$/.test(text)) return 'blank'
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    return `not JSON: ${(error as Error).message}`
  }
}
