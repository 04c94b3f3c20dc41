// A whole output taken apart again, element by element, as this project's formats write it. In: the file, its format. Out: the
// bytes of each element: of csv and jsonl with the line's end, the header of csv the first; of json without what joins them.
// Always true: in order, each once; a piece of the file is held at a time, and an element longer than that.
import { readSync } from 'node:fs'

export type ElementFormat = 'jsonl' | 'json' | 'csv' | 'f64'

const CHUNK_BYTES = 1024 * 1024
const LINE_FEED = 10
const QUOTE = 34
const COMMA = 44
const CLOSING = 93
const DOUBLE_BYTES = 8

/** The file piece by piece; what `next` is given stands before the next one. */
function* piecesOf(descriptor: number): Generator<Buffer, void, Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  for (let position = 0; ; ) {
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
    const bytes = readSync(descriptor, chunk, 0, CHUNK_BYTES, position)
    if (bytes === 0) return
    position += bytes
    rest = yield Buffer.concat([rest, chunk.subarray(0, bytes)])
  }
}

const quotesIn = (bytes: Buffer): number => {
  let quotes = 0
  for (let at = bytes.indexOf(QUOTE); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) quotes++
  return quotes
}

/** Lines with their ends; `isQuoted`: a line feed between quotes ends none. */
function* linesOf(descriptor: number, isQuoted: boolean): Generator<Buffer> {
  const pieces = piecesOf(descriptor)
  for (let next = pieces.next(Buffer.alloc(0)); !next.done; ) {
    const piece = next.value
    let start = 0
    let from = 0
    let quotes = 0
    for (let end = piece.indexOf(LINE_FEED); end >= 0; end = piece.indexOf(LINE_FEED, end + 1)) {
      if (isQuoted) quotes += quotesIn(piece.subarray(from, end))
      from = end + 1
      if (quotes % 2 === 1) continue
      yield piece.subarray(start, from)
      start = from
    }
    next = pieces.next(piece.subarray(start))
  }
}

function* doublesOf(descriptor: number): Generator<Buffer> {
  const pieces = piecesOf(descriptor)
  for (let next = pieces.next(Buffer.alloc(0)); !next.done; ) {
    const piece = next.value
    const whole = piece.length - (piece.length % DOUBLE_BYTES)
    for (let at = 0; at < whole; at += DOUBLE_BYTES) yield piece.subarray(at, at + DOUBLE_BYTES)
    next = pieces.next(piece.subarray(whole))
  }
}

/** A line each, between one that opens the array and one that closes it; all but the last end in a comma. */
function* jsonElements(descriptor: number): Generator<Buffer> {
  let isFirst = true
  for (const line of linesOf(descriptor, false)) {
    const isBracket = isFirst || (line.length === 2 && line[0] === CLOSING)
    if (!isBracket) yield line.subarray(0, line.at(-2) === COMMA ? -2 : -1)
    isFirst = false
  }
}

const READERS: Readonly<Record<ElementFormat, (descriptor: number) => Generator<Buffer>>> = {
  jsonl: descriptor => linesOf(descriptor, false),
  json: jsonElements,
  csv: descriptor => linesOf(descriptor, true),
  f64: doublesOf,
}

export const elementsOf = (descriptor: number, format: ElementFormat): Generator<Buffer> => READERS[format](descriptor)
