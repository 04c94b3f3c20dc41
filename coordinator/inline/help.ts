// The caller's loop and the workers' job at the end of both: a caller that has nothing of its own left helps with what the
// workers have not begun. In: the caller asks; the job gives. Out: spans of the job's items. Always true: a span that is given
// is the caller's alone; whoever asks is answered, at the latest when the job is over.
import type { Span } from '../../proto/shard.js'

export class Help {
  #answer: ((span: Span | undefined) => void) | undefined
  #onIdle: () => void = () => {}
  #isOver = false

  /** The caller has nothing to do. */
  get isIdle(): boolean {
    return this.#answer !== undefined
  }

  /** For the caller: what it is to run next; nothing when the job is over. */
  next(): Promise<Span | undefined> {
    if (this.#isOver) return Promise.resolve(undefined)
    return new Promise(resolve => {
      this.#answer = resolve
      this.#onIdle()
    })
  }

  /** For the job: called when the caller has nothing to do. */
  onIdle(handler: () => void): void {
    this.#onIdle = handler
  }

  /** Only while the caller is idle. */
  give(span: Span): void {
    if (this.#answer === undefined) throw new Error('the caller has not asked')
    this.#settle(span)
  }

  /** The job is over. Idempotent. */
  end(): void {
    this.#isOver = true
    this.#settle(undefined)
  }

  #settle(span: Span | undefined): void {
    const answer = this.#answer
    this.#answer = undefined
    answer?.(span)
  }
}
