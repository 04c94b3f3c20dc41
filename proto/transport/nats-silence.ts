// How long a server has stored nothing, and what becomes of it: a job that waits says so, and one that waits in vain is told.
// In: requests that went unanswered, signs that the store takes again. Out: warnings, and `lose`, once.
// Always true: what is told to wait is told of the end of the wait, or is lost.
import type { Log } from '../log.js'

/** No answer for so long, with the connection up: the store takes nothing. A frozen server is disconnected before. */
const SILENT_MS = 10_000
/**
 * The servers of a cluster choose a new leader within 7 s, and without more than half of them store nothing until one is back,
 * which no new queue would change. Smaller makes new ones in vain, larger waits longer for a group that never heals.
 */
const SILENT_CLUSTER_MS = 60_000

export class NatsSilence {
  readonly #isCluster: boolean
  readonly #log: Log
  readonly #lose: (why: string) => void
  /** When the first of the requests in a row went unanswered. */
  #sinceMs: number | undefined
  #isTold = false

  constructor(isCluster: boolean, log: Log, lose: (why: string) => void) {
    this.#isCluster = isCluster
    this.#log = log
    this.#lose = lose
  }

  missed(error: Error): void {
    this.#sinceMs ??= performance.now()
    const silentMs = performance.now() - this.#sinceMs
    if (silentMs < SILENT_MS) return
    if (!this.#isCluster)
      this.#lose(`the NATS server stores nothing (${error.message}): is the disk of its store full?`)
    else if (silentMs >= SILENT_CLUSTER_MS) this.#lose(`the NATS cluster stores nothing (${error.message})`)
    else if (!this.#isTold) this.#tell(error)
  }

  /** The connection is another one: what it does not answer is counted anew. */
  restart(): void {
    this.#sinceMs = undefined
  }

  over(): void {
    this.#sinceMs = undefined
    if (!this.#isTold) return
    this.#isTold = false
    this.#log('warn', 'The NATS cluster stores again: the job goes on.')
  }

  #tell(error: Error): void {
    this.#isTold = true
    const advice = 'more than half of the servers that keep it must be up, and the job waits for them'
    this.#log('warn', `The NATS cluster does not store what this job sends: ${advice} (${error.message}).`)
  }
}
