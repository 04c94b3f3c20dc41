// Batches as JSON lines for people and files: standard JSON, numbers as JavaScript prints them.
// In: items of any form. Out: one line a value: NaN and the infinities as strings, bigints as digits, undefined as null,
// {"$bytes":…} as it stands, {"$escape":…} unwrapped, -0 as -0.
// Always true: a value's line depends on the value alone, not on the form or the batch that it came in.
import type { Items } from './items.js'
import { halvesOf, wholeAt } from './pack.js'
import { textsOfRecords } from './records.js'
import { replaceTokens } from './value.js'

// Smaller: more calls. Larger: longer strings to flatten, more memory at once.
const CHUNK_ITEMS = 4096

/** A batch as JSON lines, each ended by a line feed, in UTF-8. */
export const toJsonLines = (items: Items): Uint8Array => {
  switch (items.form) {
    case 'json':
      return needsRewriting(items.text) ? rewriteLines(items.text) : items.text
    case 'records':
      return toJsonLines(textsOfRecords(items))
    case 'range': {
      const { start, step } = items
      return lines(items.count, at => `${start + step * at}`)
    }
    case 'i64': {
      const { values } = items
      const halves = halvesOf(values)
      return lines(values.length, at => `${wholeAt(halves, at) ?? values[at]}`)
    }
    default:
      return doubleLines(items.values)
  }
}

const lines = (count: number, textAt: (at: number) => string): Uint8Array => {
  const chunks: Buffer[] = []
  for (let from = 0; from < count; from += CHUNK_ITEMS) {
    const to = Math.min(from + CHUNK_ITEMS, count)
    let text = ''
    for (let at = from; at < to; at++) text += `${textAt(at)}\n`
    chunks.push(Buffer.from(text, 'latin1'))
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
}

const doubleLines = (values: Float64Array): Uint8Array =>
  lines(values.length, at => {
    const value = values[at] as number
    if (value === 0) return 1 / value < 0 ? '-0' : '0'
    return value - value === 0 ? `${value}` : `"${value}"`
  })

// Floats of other languages that JavaScript prints as whole numbers: a line of its own (`5.0`), -0.0, and what is no safe integer.
const WHOLE_FLOAT = /(?:^|\n)-?\d+\.0\n|-0\.0(?![\deE])|\d{16}\.0(?![\deE])/
const LINE_FLOAT = /^(-?\d+)\.0$/

const needsRewriting = (text: Uint8Array): boolean => {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength)
  return bytes.includes('"$') || (bytes.includes('.0') && WHOLE_FLOAT.test(bytes.toString('latin1')))
}

const rewriteLines = (text: Uint8Array): Uint8Array => {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength)
  const chunks: Buffer[] = []
  // From whole lines to whole lines, so that no string grows beyond what V8 holds.
  for (let from = 0; from < bytes.length; ) {
    const cut = bytes.length - from <= CHUNK_BYTES ? bytes.length : bytes.indexOf(10, from + CHUNK_BYTES) + 1
    const chunk = bytes.toString('utf8', from, cut)
    const plain = chunk
      .slice(0, -1)
      .split('\n')
      .map(line => (line.includes('"$') || line.includes('.0') ? plainJson(line) : line))
    chunks.push(Buffer.from(`${plain.join('\n')}\n`))
    from = cut
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
}

const CHUNK_BYTES = 256 * 1024

// A `{"$name"` outside strings can only be the start of an object: within a string every quote has its backslash.
const TOKEN = new RegExp(
  '"|-?\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?' +
    '|\\{\\s*"\\$(?:number"\\s*:\\s*"(NaN|-?Infinity)"|bigint"\\s*:\\s*"(0|-?[1-9]\\d*)"|undefined"\\s*:\\s*(true))\\s*\\}' +
    '|(\\{\\s*"\\$escape"\\s*:\\s*)(?=\\{)|[{}]',
  'g',
)

/** One extended JSON text as standard JSON. */
export const plainJson = (text: string): string => {
  const whole = LINE_FLOAT.exec(text)
  if (whole) return whole[1] as string
  const wrappers = text.includes('"$escape"') ? wrapperPlaces(text) : undefined
  const closings: boolean[] = []
  let literal = false
  return replaceTokens(text, TOKEN, match => {
    const [token, number, bigint, nothing, wrapper] = match
    if (token === '}') return closings.pop() ? '' : token
    if (!token.startsWith('{')) return plainNumber(token)
    const asIs = literal
    literal = false
    if (wrapper !== undefined || token === '{') {
      const unwrap = wrapper !== undefined && !asIs && wrappers?.has(match.index) === true
      closings.push(unwrap)
      literal = unwrap
      return unwrap ? '' : token
    }
    if (asIs) return token
    return number !== undefined ? `"${number}"` : (bigint ?? (nothing && 'null') ?? token)
  })
}

const plainNumber = (token: string): string => {
  if (!token.endsWith('.0')) return token
  const digits = token.slice(0, -2)
  return digits === '-0' || !Number.isSafeInteger(Number(digits)) ? digits : token
}

const STRUCTURE = /"|\{(?:\s*"\$escape"\s*:\s*(?=\{))?|[}\][,]/g

/** Where objects start that have the one key `$escape` and an object under it. */
const wrapperPlaces = (text: string): Set<number> => {
  const places = new Set<number>()
  const open: { at: number; single: boolean }[] = []
  replaceTokens(text, STRUCTURE, ({ 0: token, index }) => {
    const top = open.at(-1)
    if (token === '}' || token === ']') {
      open.pop()
      if (top?.single) places.add(top.at)
    } else if (token !== ',') open.push({ at: index, single: token.length > 1 })
    else if (top) top.single = false
    return token
  })
  return places
}
