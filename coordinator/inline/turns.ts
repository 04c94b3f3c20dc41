// When the event loop has its turn beside the caller's own loop, and for how long. In: how long a slice took; what the workers are at.
// Out: how long the next slice may be; turns. Always true: there is a turn after each slice, and longer ones only while workers
// have something to say, or are on their way into the job and have not used up what they may cost.
import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../../proto/timing.js'
import type { WorkersJob } from './workers-job.js'

export interface TurnsOptions {
  readonly workers: () => Pick<WorkersJob, 'asked' | 'isStarting' | 'hasBegun'> | undefined
  /** Some of theirs have come. */
  readonly hasValues: () => boolean
  /** Of what waits for its turn, more may be made. */
  readonly hasRoom: () => boolean
  readonly isOver: () => boolean
  readonly clock: Clock
}

/**
 * What the event loop waits for at most, but for one item. Smaller: more turns, each of which costs 0.1 to 0.3 ms in code that
 * the core has forgotten meanwhile. Larger: timers and sockets that wait.
 */
const SLICE_SECONDS = 0.01
/** While workers have items: what they have done, and what they are to do next, waits for a slice's end. Smaller: more turns. */
const SHARING_SLICE_SECONDS = 0.001
/** While workers are on their way into the job: a dozen messages go to and fro, each of which waits for a slice's end. */
const JOINING_SLICE_SECONDS = 0.0005
/**
 * A turn of the event loop in which nothing is done takes less; after two such in a row nothing is under way. Smaller: a worker waits
 * for the caller's next item. Larger: turns are given in which nothing happens.
 */
const EMPTY_TURN_SECONDS = 30e-6
/**
 * After an item that is longer than such a slice the event loop has as much time again, but for the time in which a process starts, so
 * that those messages need not wait for an item each: altogether this part of what remains, and so much more. Larger: more of the
 * caller's time for workers that may come late. Smaller: they come later.
 */
const JOINING_PART = 0.02
const JOINING_SECONDS = 0.004

export class Turns {
  readonly #options: TurnsOptions
  /** What the event loop may still have, so that workers join. */
  #joiningSeconds = 0

  constructor(options: TurnsOptions) {
    this.#options = options
  }

  /** How long the caller's loop may go on before the next turn. */
  get sliceSeconds(): number {
    if (this.#isJoining) return JOINING_SLICE_SECONDS
    return this.#options.workers()?.hasBegun === true ? SHARING_SLICE_SECONDS : SLICE_SECONDS
  }

  /** Workers are asked for; the caller's loop alone would take so long from here. */
  join(remainingSeconds: number): void {
    this.#joiningSeconds = JOINING_SECONDS + JOINING_PART * remainingSeconds
  }

  /** The caller's loop has gone on for so long. */
  async give(sliceSeconds: number): Promise<void> {
    const { workers, hasRoom, isOver } = this.#options
    await turn()
    const isComing = this.#isJoining && workers()?.isStarting === false && this.#joiningSeconds > 0
    if (isComing && sliceSeconds > 2 * JOINING_SLICE_SECONDS) await this.#letJoin(sliceSeconds)
    else if (workers()?.hasBegun === true) await this.#letTalk(sliceSeconds)
    // What waits for its turn is being run, here or there; the caller's next items would only wait behind it.
    while (!hasRoom() && !isOver()) await new Promise(resolve => setTimeout(resolve, 1))
  }

  get #isJoining(): boolean {
    const { workers, hasValues } = this.#options
    return (workers()?.asked ?? 0) > 0 && !hasValues()
  }

  /** A shard's way to a worker and back is some turns long, each of which would wait for an item of the caller's. */
  async #letTalk(mostSeconds: number): Promise<void> {
    const { isOver, clock } = this.#options
    let now = clock()
    const until = now + mostSeconds
    for (let empty = 0; empty < 2 && now < until && !isOver(); ) {
      const before = now
      await turn()
      now = clock()
      empty = now - before < EMPTY_TURN_SECONDS ? empty + 1 : 0
    }
  }

  async #letJoin(mostSeconds: number): Promise<void> {
    const { isOver, clock } = this.#options
    const beganAt = clock()
    const until = beganAt + Math.min(mostSeconds, this.#joiningSeconds)
    while (clock() < until && this.#isJoining && !isOver()) await turn()
    this.#joiningSeconds -= clock() - beganAt
  }
}
