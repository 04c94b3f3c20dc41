// What all formats that are read as text have in common: bytes in, batches out, as they are asked for.
// In: a source of bytes and the format's parser. Out: an Input.
// Always true: no chunk is read while an item waits to be taken; what a slow source has not given holds up nothing.
import { BatchQueue } from './batch-queue.js'
import type { ByteSource } from './byte-source.js'
import type { Input, InputBatch } from './input.js'
import { type LineBlock, LineBlocks } from './line-blocks.js'

/** Items of whole lines; `end` says what is wrong with the text as a whole. */
export interface BlockParser {
  parse(block: Buffer, firstLine: number, emit: (batch: InputBatch) => void): void
  end?(emit: (batch: InputBatch) => void): Promise<void>
}

// Smaller: long values cannot be read. Larger: a file that is not text, and so has no line ends, takes that much memory.
const LINE_LIMIT_BYTES = 64 * 1024 * 1024

export class TextInput implements Input {
  readonly count = undefined
  readonly #source: ByteSource
  readonly #parser: BlockParser
  readonly #blocks: LineBlocks
  readonly #queue = new BatchQueue()
  #ended = false
  #closed = false

  constructor(source: ByteSource, parser: BlockParser, lineLimitBytes = LINE_LIMIT_BYTES) {
    this.#source = source
    this.#parser = parser
    this.#blocks = new LineBlocks(lineLimitBytes)
  }

  async next(maxItems: number, maxBytes: number): Promise<InputBatch | undefined> {
    while (this.#queue.empty && !this.#ended) {
      const chunk = await this.#source.read(true)
      if (chunk) this.#parse(this.#blocks.push(chunk))
      else {
        this.#ended = true
        this.#parse(this.#blocks.end())
        await this.#parser.end?.(batch => this.#queue.push(batch))
      }
    }
    return this.#closed ? undefined : this.#queue.take(maxItems, maxBytes)
  }

  async close(): Promise<void> {
    this.#ended = true
    this.#closed = true
    await this.#source.close()
  }

  #parse(blocks: LineBlock[]): void {
    for (const block of blocks) {
      if ('bytes' in block) this.#parser.parse(block.bytes, block.firstLine, batch => this.#queue.push(batch))
      else
        this.#queue.push({
          undecodable: `${this.#source.name}:${block.tooLong}: the line is longer than ${block.limitBytes} bytes`,
        })
    }
  }
}

/** Lines of a block, without their ends, with their numbers. */
export function* linesOf(block: Buffer, firstLine: number): Generator<{ bytes: Buffer; line: number }> {
  let line = firstLine
  for (let at = 0; at < block.length; line++) {
    const end = block.indexOf(10, at)
    const last = end > at && block[end - 1] === 13 ? end - 1 : end
    yield { bytes: block.subarray(at, last), line }
    at = end + 1
  }
}

/** Why these bytes are no text, with a guess at what they are. */
export const notUtf8 = (bytes: Buffer): string => {
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
  return utf16
    ? 'not UTF-8 (it looks like UTF-16: convert it with iconv -f UTF-16 -t UTF-8)'
    : 'not UTF-8 (iconv -t UTF-8 converts other encodings)'
}
