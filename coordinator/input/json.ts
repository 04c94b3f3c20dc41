// A file that holds one JSON array: its elements are the items, each passed on as it is written.
// In: bytes, at most `limitBytes` of them, since the whole is held in memory while it is read. Out: an item an element.
// Always true: a file that is no JSON array gives no items and an error that says what to do.
import { isUtf8 } from 'node:buffer'
import { replaceTokens } from '../../proto/value.js'
import { BatchQueue } from './batch-queue.js'
import type { ByteSource } from './byte-source.js'
import type { Input, InputBatch } from './input.js'

// V8 holds strings of up to 512 MiB; a larger array is better written as JSON lines in any case.
const LIMIT_BYTES = 256 * 1024 * 1024

export const openJson = (source: ByteSource, limitBytes = LIMIT_BYTES): Input => new JsonInput(source, limitBytes)

class JsonInput implements Input {
  readonly count = undefined
  readonly #source: ByteSource
  readonly #limitBytes: number
  readonly #queue = new BatchQueue()
  #read = false

  constructor(source: ByteSource, limitBytes: number) {
    this.#source = source
    this.#limitBytes = limitBytes
  }

  async next(maxItems: number, maxBytes: number): Promise<InputBatch | undefined> {
    if (!this.#read) {
      this.#read = true
      const elements = elementsOf(await this.#readAll(), this.#source.name)
      const text = Buffer.from(elements.map(element => `${element}\n`).join(''))
      this.#queue.push({ items: { form: 'json', count: elements.length, text } })
    }
    return this.#queue.take(maxItems, maxBytes)
  }

  async close(): Promise<void> {
    this.#read = true
    await this.#source.close()
  }

  async #readAll(): Promise<string> {
    const chunks: Uint8Array[] = []
    let bytes = 0
    for (let chunk = await this.#source.read(true); chunk; chunk = await this.#source.read(true)) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > this.#limitBytes)
        throw new Error(
          `cannot read ${this.#source.name}: it is larger than ${this.#limitBytes} bytes, and a JSON array is read as a ` +
            "whole; make JSON lines of it (jq -c '.[]') and use --format jsonl",
        )
    }
    const all = Buffer.concat(chunks)
    if (!isUtf8(all)) throw new Error(`cannot read ${this.#source.name}: not UTF-8`)
    return all.toString().replace(/^\ufeff/, '')
  }
}

const elementsOf = (text: string, name: string): string[] => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new Error(`cannot read ${name}: not JSON: ${(error as Error).message}; is it --format jsonl?`)
  }
  if (!Array.isArray(value))
    throw new Error(
      `cannot read ${name}: it holds ${value === null ? 'null' : typeof value === 'object' ? 'an object' : `a ${typeof value}`} where an array of items is expected`,
    )
  if (value.length === 0) return []
  const elements: string[] = []
  let depth = 0
  let start = text.indexOf('[') + 1
  // Strings hold no raw line ends: all of these are white space between tokens.
  const element = (end: number) =>
    elements.push(
      text
        .slice(start, end)
        .trim()
        .replace(/[\r\n]+\s*/g, ' '),
    )
  replaceTokens(text, /["[\]{},]/g, ({ 0: token, index }) => {
    if (token === '[' || token === '{') depth += 1
    else if (token === ']' || token === '}') {
      depth -= 1
      if (depth === 0) element(index)
    } else if (depth === 1) {
      element(index)
      start = index + 1
    }
    return token
  })
  return elements
}
