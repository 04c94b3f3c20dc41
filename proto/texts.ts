// Extended JSON texts, or plain strings, one a line in UTF-8. In: lines. Out: one memory of them, their places, their values.
// Always true: no line holds a raw line feed and each is ended by one; no string grows beyond what V8 holds, since long texts
// are written and read in pieces of whole lines.
import { decodeValue, isOrdinary } from './value.js'

export interface Texts {
  readonly count: number
  readonly text: Uint8Array
}

const LINE_FEED = 10
// Smaller: more calls. Larger: longer strings to flatten, more memory at once.
const PIECE_BYTES = 65_536

/** Lines gathered in pieces. */
export class TextWriter {
  #pieces: Uint8Array[] = []
  #text = ''
  #count = 0

  push(line: string): void {
    this.#text += `${line}\n`
    this.#count += 1
    if (this.#text.length > PIECE_BYTES) this.#flush()
  }

  end(): { form: 'json' } & Texts {
    this.#flush()
    const [only] = this.#pieces
    const text = this.#pieces.length === 1 && only ? only : Buffer.concat(this.#pieces)
    return { form: 'json', count: this.#count, text }
  }

  #flush(): void {
    if (this.#text !== '') this.#pieces.push(Buffer.from(this.#text))
    this.#text = ''
  }
}

export const bufferOf = (text: Uint8Array): Buffer => Buffer.from(text.buffer, text.byteOffset, text.byteLength)

// Looking at each byte takes less than a call for each line up to about so many.
const SHORT_LINE_BYTES = 30

/** How many line feeds the text holds; `about` is how many are expected. */
export const lineFeedsIn = (text: Uint8Array, about: number): number => {
  let count = 0
  if (text.byteLength < SHORT_LINE_BYTES * about) {
    for (let at = 0; at < text.length; at++) if (text[at] === LINE_FEED) count++
    return count
  }
  const bytes = bufferOf(text)
  for (let at = bytes.indexOf(LINE_FEED); at !== -1; at = bytes.indexOf(LINE_FEED, at + 1)) count++
  return count
}

// The places of every MARK_LINES-th line of a long text, so that cutting it into shards does not read it again for each.
const marksOfText = new WeakMap<Uint8Array, number[]>()
const MARK_LINES = 256

/** Where the line of that number begins; that of `count` is the end. */
export const lineStart = ({ text, count }: Texts, line: number): number => {
  if (line === 0) return 0
  if (line === count) return text.byteLength
  let marks = marksOfText.get(text)
  if (!marks && count > MARK_LINES) {
    marks = [0]
    marksOfText.set(text, marks)
  }
  let mark = marks === undefined ? 0 : Math.min(Math.floor(line / MARK_LINES), marks.length - 1)
  let at = marks?.[mark] ?? 0
  for (let passed = mark * MARK_LINES; passed < line; ) {
    at = text.indexOf(LINE_FEED, at) + 1
    if (at === 0) throw new RangeError(`the batch says ${count} items, its text ends after ${passed}`)
    passed += 1
    if (passed % MARK_LINES === 0 && ++mark === marks?.length) marks.push(at)
  }
  return at
}

/** The text of lines `[from, to)`, as a view. */
export const linesOf = (texts: Texts, from: number, to: number): Uint8Array =>
  texts.text.subarray(lineStart(texts, from), lineStart(texts, to))

const checkCount = (values: unknown[], count: number): void => {
  if (values.length !== count) throw new RangeError(`the batch says ${count} items, its text has ${values.length}`)
}

/** Values read piece by piece: `read` is given whole lines. */
const readPieces = <T>(text: Uint8Array, pieceBytes: number, read: (lines: string) => T[]): T[] => {
  const bytes = bufferOf(text)
  let values: T[] = []
  for (let from = 0; from < bytes.length; ) {
    const cut = bytes.length - from <= pieceBytes ? bytes.length : bytes.indexOf(LINE_FEED, from + pieceBytes) + 1
    // Without its end the last line could not be told from what is cut.
    if (cut === 0) throw new RangeError('the last text is cut')
    const piece = read(bytes.toString('utf8', from, cut))
    if (from === 0 && cut === bytes.length) values = piece
    else for (let at = 0; at < piece.length; at++) values.push(piece[at] as T)
    from = cut
  }
  return values
}

/** The values of extended JSON texts. */
export const valuesOfTexts = ({ text, count }: Texts): unknown[] => {
  const read = (lines: string): unknown[] => (isOrdinary(lines) ? parseAll(lines) : undefined) ?? parseEach(lines)
  const values = readPieces(text, PIECE_BYTES, read)
  checkCount(values, count)
  return values
}

/** As one array, which takes half as long; undefined where that has not a value for each line. */
const parseAll = (lines: string): unknown[] | undefined => {
  let count = 0
  for (let at = lines.indexOf('\n'); at !== -1; at = lines.indexOf('\n', at + 1)) count++
  try {
    const values = JSON.parse(`[${lines.slice(0, -1).replaceAll('\n', ',')}]`) as unknown[]
    return values.length === count ? values : undefined
  } catch {
    return undefined
  }
}

const parseEach = (lines: string): unknown[] => {
  const values: unknown[] = []
  for (let at = 0; at < lines.length; ) {
    const end = lines.indexOf('\n', at)
    values.push(decodeValue(lines.slice(at, end)))
    at = end + 1
  }
  return values
}

// A string that V8 cuts out of a longer one keeps all of that in memory, for as long as somebody keeps the short one.
// Larger: more is kept. Smaller: more calls; one for each string takes three times as long.
const STRINGS_PIECE_BYTES = 1024

/** Plain strings. */
export const stringsOfTexts = ({ text, count }: Texts): string[] => {
  const strings = readPieces(text, STRINGS_PIECE_BYTES, lines => lines.slice(0, -1).split('\n'))
  checkCount(strings, count)
  return strings
}
