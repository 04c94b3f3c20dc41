// A run's items, several in progress at once: for functions and commands that wait. In: a way to begin an item, and how many
// may be in progress. Out: outcomes as any run has them, in order, from the front, without a gap.
// Always true: items begin in order, each once; every item in progress is inside the span of the progress record, which also
// holds those that ended behind one that has not; a value that can change is encoded when its item ends; an item moves out of
// the record only after a turn of the event loop, so that what it left behind comes to light while it is announced.
import type { Failure } from '../../proto/outcome.js'
import type { Announcer } from '../progress.js'
import { type Channel, turn } from './channel.js'
import type { Lanes } from './lanes.js'
import { type Part, textOfValue } from './part.js'

export type Settled = { readonly value: unknown } | { readonly failure: Failure }

export interface ConcurrentRun {
  readonly run: number
  /** The index of the run's first item. */
  readonly start: number
  readonly count: number
  /** What came before `from` is in it, but for an item that was begun elsewhere. */
  readonly part: Part
  /** The offset of the first item to begin. */
  readonly from: number
  /** The item before that, when it is in progress. */
  readonly begun?: { readonly sinceSeconds: number; readonly onEnd: (end: (settled: Settled) => void) => void }
  readonly endSeconds: number
  readonly timeoutSeconds: number | undefined
  readonly lanes: Lanes
  readonly channel: Pick<Channel, 'written'>
  readonly announcer: Announcer
  /** Makes an item ready to be begun. */
  prepare(offset: number): void
  /** Begins an item and returns its outcome, or undefined and calls `end` with it later. Never throws. */
  begin(offset: number, end: (settled: Settled) => void): Settled | undefined
}

/** An outcome that waits for those before it: numbers as they are, other values as texts. */
type Held = { readonly number: number } | { readonly text: string } | { readonly failure: Failure }

interface InProgress {
  readonly sinceSeconds: number
  readonly lanes: number
  readonly atOnce: number
}

/** Items that end at once may keep the event loop for so long. Larger: what others wait for is seen later. */
const TURN_SECONDS = 200e-6
/** Texts that wait for an item before them. Larger: more memory. Smaller: lanes stand empty behind a slow item. */
const HELD_BYTES = 16 * 1024 * 1024
/** How often ages are looked at, at most and at least. */
const LOOK_SECONDS = { least: 0.005, most: 0.1 } as const

// The user's code may put its own in their places.
const { performance, setInterval, clearInterval, setTimeout, clearTimeout } = globalThis
const nowSeconds = (): number => performance.now() / 1000

class Concurrent {
  readonly #run: ConcurrentRun
  readonly #inProgress = new Map<number, InProgress>()
  readonly #held = new Map<number, Held>()
  #heldBytes = 0
  #next: number
  /** All before this offset are in the part. */
  #drained: number
  #isStopped = false
  #hasOverdue = false
  #turnedAtSeconds = nowSeconds()
  /** Since when items are in progress without a break, or since that was accounted for; and how much of it was codec work. */
  #busySinceSeconds = 0
  #apartSeconds = 0
  #hasNews = false
  #wake: () => void = () => {}

  constructor(run: ConcurrentRun) {
    this.#run = run
    this.#next = run.from
    this.#drained = run.part.next - run.start
  }

  /** Resolves with true when an item that took too long is still at it. */
  async toEnd(): Promise<boolean> {
    const { begun, timeoutSeconds, part, announcer, run } = this.#run
    if (begun !== undefined) begun.onEnd(this.#enter(this.#drained, begun.sinceSeconds))
    const timer = timeoutSeconds === undefined ? undefined : this.#watch(timeoutSeconds)
    do {
      const isFull = await this.#fill()
      if (isFull && this.#inProgress.size > 0 && !this.#hasNews) {
        await this.#news()
      }
      await turn()
      this.#turnedAtSeconds = nowSeconds()
      this.#drain()
      if (this.#turnedAtSeconds >= this.#run.endSeconds) this.#isStopped = true
      if (part.due(this.#turnedAtSeconds) && this.#isLeft) await this.#flush()
    } while (this.#isLeft)
    clearInterval(timer)
    announcer.rest(run, part.next)
    part.flush(true)
    return this.#hasOverdue
  }

  /** Resolves when an item has ended, or when what is in the part should leave though none has. */
  async #news(): Promise<void> {
    const { part } = this.#run
    const dueSeconds = part.isEmpty ? undefined : Math.max(0, part.dueAtSeconds - nowSeconds())
    const timer = dueSeconds === undefined ? undefined : setTimeout(() => this.#wake(), Math.ceil(dueSeconds * 1000))
    await new Promise<void>(resolve => {
      this.#wake = resolve
    })
    clearTimeout(timer)
  }

  get #isLeft(): boolean {
    const isMoreToBegin = this.#next < this.#end && !this.#isStopped
    return this.#inProgress.size > 0 || this.#held.size > 0 || isMoreToBegin
  }

  /** Behind the last item that shall begin; the agent may move it. */
  get #end(): number {
    return this.#endOf(false)
  }

  get #endNow(): number {
    return this.#endOf(true)
  }

  #endOf(isFresh: boolean): number {
    const { announcer, run, start, count } = this.#run
    return Math.min(count, announcer.limitOf(run, isFresh) - start)
  }

  get #hasRoom(): boolean {
    if (this.#next >= this.#end || this.#isStopped || this.#heldBytes >= HELD_BYTES) return false
    return this.#inProgress.size < this.#run.lanes.count
  }

  /** Begins what may begin. False: there is room for more after a turn of the event loop. */
  async #fill(): Promise<boolean> {
    const { part } = this.#run
    // One begins in each turn, however late that is: a run in which none does comes back for ever.
    for (const first = this.#next; this.#hasRoom; ) {
      const offset = this.#next
      const preparingSeconds = nowSeconds()
      if (offset > first && preparingSeconds - this.#turnedAtSeconds > TURN_SECONDS) return false
      this.#run.prepare(offset)
      this.#next += 1
      this.#announce()
      // Behind the announcement: the agent reads that after it has set a limit.
      if (offset >= this.#endNow) {
        this.#next = offset
        this.#announce()
        return true
      }
      const beganSeconds = nowSeconds()
      part.decoded(beganSeconds - preparingSeconds)
      this.#setApart(beganSeconds - preparingSeconds)
      const settled = this.#run.begin(offset, this.#enter(offset, beganSeconds))
      if (settled !== undefined) this.#settle(offset, settled, true)
      // What ends at once ends before the next begins.
      else await undefined
    }
    return true
  }

  #enter(offset: number, sinceSeconds: number): (settled: Settled) => void {
    const atOnce = this.#inProgress.size + 1
    if (atOnce === 1) this.#busySinceSeconds = sinceSeconds
    this.#inProgress.set(offset, { sinceSeconds, lanes: this.#run.lanes.count, atOnce })
    return settled => this.#settle(offset, settled)
  }

  #settle(offset: number, settled: Settled, isAtOnce = false): void {
    const item = this.#inProgress.get(offset)
    // It was overdue.
    if (item === undefined) return
    const { lanes, part } = this.#run
    const atOnce = Math.max(item.atOnce, this.#inProgress.size)
    const now = nowSeconds()
    this.#account(now)
    this.#inProgress.delete(offset)
    const seconds = now - item.sinceSeconds
    part.took(seconds)
    if (!isAtOnce) lanes.observe({ lanes: item.lanes, atOnce, seconds, hasValue: 'value' in settled })
    this.#held.set(offset, this.#hold(settled))
    this.#hasNews = true
    this.#wake()
  }

  #hold(settled: Settled): Held {
    if ('failure' in settled) return settled
    const { value } = settled
    if (typeof value === 'number') return { number: value }
    const began = nowSeconds()
    try {
      const text = textOfValue(value)
      this.#heldBytes += text.length
      return { text }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      return { failure: { reason: 'undecodable', message } }
    } finally {
      const seconds = nowSeconds() - began
      this.#run.part.encoded(seconds)
      this.#setApart(seconds)
    }
  }

  /** What has ended, up to the first item that has not, goes into the part, as far as a message may hold it. */
  #drain(): void {
    const { part } = this.#run
    this.#hasNews = false
    for (let held = this.#held.get(this.#drained); held !== undefined; held = this.#held.get(this.#drained)) {
      if (part.isFull) {
        this.#hasNews = true
        return
      }
      this.#held.delete(this.#drained)
      this.#drained += 1
      if ('failure' in held) part.fail(held.failure)
      else if ('number' in held) part.value(held.number)
      else {
        part.text(held.text)
        this.#heldBytes -= held.text.length
      }
    }
  }

  async #flush(): Promise<void> {
    const { part, channel } = this.#run
    this.#account(nowSeconds())
    this.#announce()
    part.flush(false)
    this.#busySinceSeconds = nowSeconds()
    await channel.written()
  }

  #announce(): void {
    const { announcer, run, start } = this.#run
    announcer.announce(run, start + this.#drained, this.#next - this.#drained)
  }

  /** Of what the codec does while items are in progress, no part is theirs. */
  #setApart(seconds: number): void {
    if (this.#inProgress.size > 0) this.#apartSeconds += seconds
  }

  #account(now: number): void {
    if (this.#inProgress.size === 0) return
    this.#run.part.computed(Math.max(0, now - this.#busySinceSeconds - this.#apartSeconds))
    this.#busySinceSeconds = now
    this.#apartSeconds = 0
  }

  /** The record changes as long as this process can look at ages itself; the agent looks for one that cannot. */
  #watch(limitSeconds: number): NodeJS.Timeout {
    const lookSeconds = Math.min(Math.max(limitSeconds / 10, LOOK_SECONDS.least), LOOK_SECONDS.most)
    return setInterval(() => {
      for (const [offset, { sinceSeconds }] of this.#inProgress) {
        // In the order in which they began.
        if (nowSeconds() - sinceSeconds < limitSeconds) break
        this.#isStopped = true
        this.#hasOverdue = true
        const message = `took longer than ${limitSeconds} s`
        this.#settle(offset, { failure: { reason: 'timeout', message } })
      }
      this.#announce()
    }, lookSeconds * 1000)
  }
}

/** Runs the items; when it resolves with true, an item that took too long is still at it, and the process should end. */
export const runConcurrent = (run: ConcurrentRun): Promise<boolean> => new Concurrent(run).toEnd()
