// Reads what agents report. In: messages, alone or several in one, whole or in parts, damaged or not. Out: reports.
// Always true: what cannot be read is counted, logged once, and dropped.

import { isOfType, MessageError } from '../proto/envelope.js'
import type { Log } from '../proto/log.js'
import type { Report } from '../proto/outcome.js'
import { PartAssembler } from '../proto/part.js'
import { partCodec, reportCodec, reportsCodec } from '../proto/shard-codec.js'
import { VERSIONS, type VersionRange } from '../proto/version.js'

/** Parts of messages that are not whole yet may take so much. */
const PARTS_BYTES = 256 * 1024 * 1024

export class ReportReader {
  readonly #log: Log
  readonly #versions: VersionRange
  readonly #parts = new PartAssembler(PARTS_BYTES)
  #dropped = 0

  constructor(log: Log, versions: VersionRange = VERSIONS) {
    this.#log = log
    this.#versions = versions
  }

  /** Messages that could not be read. */
  get dropped(): number {
    return this.#dropped
  }

  read(message: Uint8Array): readonly Report[] {
    if (!isOfType('reports', message)) return this.#readable(() => this.#readOne(message))
    return this.#readable(() => reportsCodec.decode(message, this.#versions)).flatMap(one =>
      this.#readable(() => this.#readOne(one)),
    )
  }

  #readOne(message: Uint8Array): Report[] {
    if (!isOfType('part', message)) return [reportCodec.decode(message, this.#versions)]
    const whole = this.#parts.add(partCodec.decode(message, this.#versions))
    return whole === undefined ? [] : [reportCodec.decode(whole, this.#versions)]
  }

  #readable<T>(read: () => readonly T[]): readonly T[] {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof MessageError)) throw error
      if (this.#dropped++ === 0)
        this.#log('warn', `A report was dropped: ${error.message}. Further ones are only counted.`)
      return []
    }
  }
}
