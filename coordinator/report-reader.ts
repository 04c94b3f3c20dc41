// Reads what agents report. In: messages, whole or in parts, damaged or not. Out: reports.
// Always true: what cannot be read is counted, logged once, and dropped.
import { partCodec, reportCodec } from '../proto/codec.js'
import { isOfType, MessageError } from '../proto/envelope.js'
import type { Log } from '../proto/log.js'
import type { Report } from '../proto/outcome.js'
import { PartAssembler } from '../proto/part.js'

/** Parts of messages that are not whole yet may take so much. */
const PARTS_BYTES = 256 * 1024 * 1024

export class ReportReader {
  readonly #log: Log
  readonly #parts = new PartAssembler(PARTS_BYTES)
  #dropped = 0

  constructor(log: Log) {
    this.#log = log
  }

  /** Messages that could not be read. */
  get dropped(): number {
    return this.#dropped
  }

  read(message: Uint8Array): Report | undefined {
    try {
      if (!isOfType('part', message)) return reportCodec.decode(message)
      const whole = this.#parts.add(partCodec.decode(message))
      return whole && reportCodec.decode(whole)
    } catch (error) {
      if (!(error instanceof MessageError)) throw error
      if (this.#dropped++ === 0)
        this.#log('warn', `A report was dropped: ${error.message}. Further ones are only counted.`)
      return undefined
    }
  }
}
