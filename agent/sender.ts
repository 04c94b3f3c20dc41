// Sends reports until each is stored. In: reports of slots. Out: messages on the transport, as the outbox says. Always true:
// a message that was not stored is sent again, under an id by which the transport knows it.

import { toMessages, toOneMessage, toReports } from '../proto/letters.js'
import type { Report } from '../proto/outcome.js'
import type { Clock } from '../proto/timing.js'
import type { AgentTransport } from '../proto/transport.js'
import type { Outbox } from './outbox.js'

export interface SenderOptions {
  readonly agent: string
  readonly transport: Pick<AgentTransport, 'report' | 'limitBytes'>
  readonly outbox: Outbox<Uint8Array>
  readonly clock: Clock
}

/** Reports are cut to this, so that one message is a piece of work and not a wall. */
const REPORT_BYTES = 4 * 1024 * 1024

export class Sender {
  readonly #options: SenderOptions
  #stopped = false
  #isDue = false

  constructor(options: SenderOptions) {
    this.#options = options
  }

  /** Puts a report into the outbox, in as many messages as it takes; only that of a map may be cut between items. */
  put(report: Report, operation: 'map' | 'fold', version: number): void {
    const { transport, outbox } = this.#options
    const limitBytes = Math.min(transport.limitBytes, REPORT_BYTES)
    for (const piece of toReports(report, limitBytes, operation === 'map')) {
      const messages = toMessages(piece, transport.limitBytes, version)
      for (const [part, message] of messages.entries()) {
        const sequence = `${piece.sequence}.${piece.start}.${part}`
        outbox.put(piece, sequence, piece.last && part === messages.length - 1, message, message.byteLength)
      }
    }
    this.#sendSoon()
  }

  /** Sends what is due. */
  send(): void {
    const { agent, transport, outbox, clock } = this.#options
    for (const { id, job, shard, attempt, payloads } of outbox.next(clock())) {
      const answered = (stored: boolean): void => {
        outbox.sent(id, stored, clock())
        if (!this.#stopped) this.#sendSoon()
      }
      transport.report({ job, shard, attempt }, `${agent}/${id}`, toOneMessage(payloads)).then(
        () => answered(true),
        () => answered(false),
      )
    }
  }

  /** When all that came with this report has been put: reports that are ready together are sent together. */
  #sendSoon(): void {
    if (this.#isDue) return
    this.#isDue = true
    queueMicrotask(() => {
      this.#isDue = false
      this.send()
    })
  }

  /** What is sent by itself ends; idempotent. */
  stop(): void {
    this.#stopped = true
  }
}
