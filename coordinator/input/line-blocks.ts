// Chunks of bytes cut at their line ends.
// In: chunks as they come. Out: blocks of whole lines, each line ended by \n (a \r before it is left to the reader), with
// the number of the first; and the numbers of lines that were too long to hold.
// Always true: at most `limitBytes` of an unfinished line and one chunk are held; a UTF-8 byte order mark is skipped.
export type LineBlock =
  | { readonly bytes: Buffer; readonly firstLine: number }
  | { readonly tooLong: number; readonly limitBytes: number }

export class LineBlocks {
  readonly #limitBytes: number
  #rest: Buffer[] = []
  #restBytes = 0
  #skipping = false
  #atStart = true
  /** Number of the line that `#rest` begins. */
  #line = 1

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  push(chunk: Uint8Array): LineBlock[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const blocks: LineBlock[] = []
    const first = bytes.indexOf(10) + 1
    if (first === 0) {
      this.#keep(bytes)
      return blocks
    }
    const last = bytes.lastIndexOf(10) + 1
    if (this.#skipping || this.#restBytes > 0) {
      this.#keep(bytes.subarray(0, first))
      this.#finish(blocks)
      if (last > first) this.#whole(bytes.subarray(first, last), blocks)
    } else this.#whole(bytes.subarray(0, last), blocks)
    if (last < bytes.length) this.#keep(bytes.subarray(last))
    return blocks
  }

  /** What is left: a last line without a line end. */
  end(): LineBlock[] {
    const blocks: LineBlock[] = []
    if (this.#skipping) this.#finish(blocks)
    else if (this.#restBytes > 0) {
      const last = Buffer.concat([...this.#rest, Buffer.from('\n')])
      // The mark alone is a file without lines.
      if (this.#atStart && last.length === 4 && startsWithMark(last)) return blocks
      this.#rest = [last]
      this.#finish(blocks)
    }
    return blocks
  }

  #keep(bytes: Buffer): void {
    if (this.#skipping) return
    this.#rest.push(bytes)
    this.#restBytes += bytes.length
    // One more for the line end, and three for a byte order mark.
    if (this.#restBytes > this.#limitBytes + 4) {
      this.#skipping = true
      this.#rest = []
      this.#restBytes = 0
    }
  }

  /** The line in `#rest` is whole. */
  #finish(blocks: LineBlock[]): void {
    if (this.#skipping) {
      blocks.push({ tooLong: this.#line, limitBytes: this.#limitBytes })
      this.#line += 1
      this.#atStart = false
    } else this.#whole(this.#rest.length === 1 ? (this.#rest[0] as Buffer) : Buffer.concat(this.#rest), blocks)
    this.#skipping = false
    this.#rest = []
    this.#restBytes = 0
  }

  #whole(given: Buffer, blocks: LineBlock[]): void {
    let bytes = given
    if (this.#atStart) {
      this.#atStart = false
      if (startsWithMark(bytes)) bytes = bytes.subarray(3)
    }
    const emit = (part: Buffer) => {
      if (part.length === 0) return
      blocks.push({ bytes: part, firstLine: this.#line })
      this.#line += countLines(part)
    }
    if (bytes.length <= this.#limitBytes + 1) {
      emit(bytes)
      return
    }
    // Rare: a limit below the size of a chunk, or a chunk that is larger than the limit.
    let done = 0
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(10, at) + 1
      if (end - at - 1 > this.#limitBytes) {
        emit(bytes.subarray(done, at))
        blocks.push({ tooLong: this.#line, limitBytes: this.#limitBytes })
        this.#line += 1
        done = end
      }
      at = end
    }
    emit(bytes.subarray(done))
  }
}

const startsWithMark = (bytes: Buffer): boolean => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf

const countLines = (bytes: Buffer): number => {
  let lines = 0
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) lines += 1
  return lines
}
