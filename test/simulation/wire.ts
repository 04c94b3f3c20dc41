// What every message of the simulation goes through: it comes late, twice or never. In: acts of delivery. Out: the same, at
// their times.
import type { Broadcast } from '../../proto/presence.js'
import type { Faults, Mishap } from './faults.js'
import type { Process } from './process.js'
import type { Random } from './random.js'
import type { Timeline } from './timeline.js'

/** What the network must know of an agent's process. */
export interface Peer extends Process {
  readonly name: string
  /** Nothing it sends arrives. */
  readonly isCutOff: boolean
  /** Nothing arrives that is sent to it. */
  readonly isDeaf: boolean
  hear(broadcast: Broadcast): void
}

export class Wire {
  readonly #random: Random
  readonly #faults: Faults
  readonly timeline: Timeline

  constructor(random: Random, faults: Faults, timeline: Timeline) {
    this.#random = random
    this.#faults = faults
    this.timeline = timeline
  }

  happens(kind: Mishap): boolean {
    return this.#faults.happens(kind)
  }

  later(late: Mishap, act: () => void): void {
    const seconds = this.happens(late) ? this.#random.between(0.1, 4) : this.#random.between(0.0002, 0.003)
    this.timeline.after(seconds, act)
  }

  /** A message that nobody waits for an answer to. */
  tell(kind: 'beat' | 'broadcast', act: () => void): void {
    if (this.happens(`${kind} lost`)) return
    this.later(`${kind} late`, act)
    if (this.happens(`${kind} twice`)) this.later(`${kind} late`, act)
  }

  between(from: number, to: number): number {
    return this.#random.between(from, to)
  }

  whole(from: number, to: number): number {
    return this.#random.whole(from, to)
  }
}
