// What a worker prints. In: the bytes of its standard output and error. Out: lines, at a bounded rate, and on demand the
// last of it all. Always true: it takes what comes at once, whatever the rate, so that no worker waits for its own output.
import { StringDecoder } from 'node:string_decoder'
import type { Clock } from '../proto/timing.js'

const RING_BYTES = 64 * 1024
const LINE_LIMIT = 8 * 1024
/** A higher rate shows more of a flood, and costs the agent more for it. */
const LINES_PER_SECOND = 200
const BURST_LINES = 1000

/** The last bytes that were put into it. */
class Ring {
  readonly #bytes = Buffer.alloc(RING_BYTES)
  #end = 0
  /** What came before it is forgotten. */
  #from = 0

  put(chunk: Buffer): void {
    const kept = chunk.length > RING_BYTES ? chunk.subarray(chunk.length - RING_BYTES) : chunk
    const at = this.#end % RING_BYTES
    const first = kept.copy(this.#bytes, at)
    kept.copy(this.#bytes, 0, first)
    this.#end += kept.length
  }

  forget(): void {
    this.#from = this.#end
  }

  text(): string {
    const at = this.#end % RING_BYTES
    const whole =
      this.#end <= RING_BYTES
        ? this.#bytes.subarray(0, this.#end)
        : Buffer.concat([this.#bytes.subarray(at), this.#bytes.subarray(0, at)])
    return whole.toString('utf8', Math.max(0, whole.length - (this.#end - this.#from)))
  }
}

export class Prints {
  readonly #onPrint: (line: string) => void
  readonly #clock: Clock
  readonly #ring = new Ring()
  #allowed = BURST_LINES
  #allowedAt: number
  #dropped = 0

  constructor(onPrint: (line: string) => void, clock: Clock) {
    this.#onPrint = onPrint
    this.#clock = clock
    this.#allowedAt = clock()
  }

  /** One of the worker's two streams; the function returned takes its chunks, and undefined at its end. */
  stream(): (chunk: Buffer | undefined) => void {
    const decoder = new StringDecoder('utf8')
    let open = ''
    return chunk => {
      if (chunk !== undefined) this.#ring.put(chunk)
      const text = open + (chunk === undefined ? decoder.end() : decoder.write(chunk))
      const lines = text.split('\n')
      open = lines.pop() ?? ''
      if (open.length > LINE_LIMIT || (chunk === undefined && open !== '')) {
        lines.push(open)
        open = ''
      }
      for (const line of lines) this.#line(line)
    }
  }

  /** Another job begins: what the last one printed is none of its business. */
  forget(): void {
    this.#ring.forget()
  }

  /** All that is remembered, at most 64 KB. */
  text(): string {
    return this.#ring.text()
  }

  /** Says what was left out. */
  end(): void {
    if (this.#dropped > 0) this.#onPrint(`(${this.#dropped} lines of a worker's output are not shown)`)
    this.#dropped = 0
  }

  #line(line: string): void {
    if (this.#allowed < 1) this.#refill()
    if (this.#allowed < 1) {
      this.#dropped += 1
      return
    }
    this.end()
    this.#allowed -= 1
    this.#onPrint(line.length > LINE_LIMIT ? `${line.slice(0, LINE_LIMIT)}…` : line)
  }

  #refill(): void {
    const now = this.#clock()
    this.#allowed = Math.min(BURST_LINES, this.#allowed + (now - this.#allowedAt) * LINES_PER_SECOND)
    this.#allowedAt = now
  }
}
