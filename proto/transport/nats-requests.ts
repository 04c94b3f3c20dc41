// The requests of one connection that wait for their answers: one subscription serves them all, and one timer.
// In: requests that were sent, answers by their token, a lost connection. Out: answers, or a NatsFailure each.
// Always true: each is settled once; one that is never answered fails within SWEEP_MS of its time.
import { type Deferred, deferred } from './deferred.js'
import { NatsFailure } from './nats-failure.js'

interface Waiting extends Deferred<Uint8Array> {
  readonly subject: string
  readonly timeoutMs: number
  readonly untilMs: number
}

/** Smaller wakes the process more often while something is awaited, larger tells of a silence so much later. */
const SWEEP_MS = 50

export class NatsRequests {
  readonly #waiting = new Map<string, Waiting>()
  /** What the server said last that may explain a silence. */
  readonly #whyRefused: () => string
  #nextToken = 0
  #timer: NodeJS.Timeout | undefined

  constructor(whyRefused: () => string) {
    this.#whyRefused = whyRefused
  }

  add(subject: string, timeoutMs: number): { readonly token: string; readonly answer: Promise<Uint8Array> } {
    const token = (this.#nextToken++).toString(36)
    const waiting = { subject, timeoutMs, untilMs: performance.now() + timeoutMs, ...deferred<Uint8Array>() }
    this.#waiting.set(token, waiting)
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS)
    return { token, answer: waiting.promise }
  }

  answered(token: string, data: Uint8Array): void {
    this.#take(token)?.resolve(data)
  }

  unheard(token: string): void {
    const waiting = this.#take(token)
    waiting?.reject(new NatsFailure('no responders', `nobody answers on ${waiting.subject}${this.#whyRefused()}`))
  }

  /** It could not even be sent. */
  refused(token: string, why: string): void {
    const waiting = this.#take(token)
    waiting?.reject(new NatsFailure('refused', `${waiting.subject}: ${why}`))
  }

  /** None of them will be answered. */
  fail(kind: 'disconnected' | 'closed', message: string): void {
    const all = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of all) reject(new NatsFailure(kind, message))
    this.#rest()
  }

  #take(token: string): Waiting | undefined {
    const waiting = this.#waiting.get(token)
    this.#waiting.delete(token)
    return waiting
  }

  #sweep(): void {
    const now = performance.now()
    for (const [token, { subject, timeoutMs, untilMs, reject }] of this.#waiting) {
      if (now < untilMs) continue
      this.#waiting.delete(token)
      reject(new NatsFailure('timeout', `no answer on ${subject} in ${timeoutMs} ms${this.#whyRefused()}`))
    }
    this.#rest()
  }

  #rest(): void {
    if (this.#waiting.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
