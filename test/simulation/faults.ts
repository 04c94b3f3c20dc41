// What goes wrong, how often, and until when. In: a seed's choice. Out: whether a thing goes wrong now; the count of each.
// Always true: after `clearSeconds` nothing goes wrong any more, so that what then does not end never will.
import type { Random } from './random.js'
import type { Timeline } from './timeline.js'

/** Asked for each message, and for each item: the probabilities of a bad seed. */
const CHANCES = {
  'task void': 0.1,
  'task not stored': 0.1,
  'task twice': 0.15,
  'task not delivered': 0.1,
  'task late': 0.1,
  'task ack lost': 0.15,
  'report not stored': 0.2,
  'report ack lost': 0.2,
  'report late': 0.1,
  'reports read again': 0.05,
  'beat lost': 0.4,
  'beat late': 0.3,
  'beat twice': 0.2,
  'broadcast lost': 0.4,
  'broadcast late': 0.3,
  'broadcast twice': 0.2,
  'worker dies between items': 0.05,
  'code refused': 0.1,
} as const
export type Mishap = keyof typeof CHANCES

/** Happen by themselves: how many a second on a bad seed. */
const RATES = {
  'agent killed': 0.3,
  'agent frozen': 0.3,
  'agent cut off from the server': 0.2,
  'server cut off from an agent': 0.2,
  'agent drained': 0.1,
  'agent joins': 0.1,
  'coordinator paused': 0.1,
  'newest tasks lost': 0.1,
  'all tasks lost': 0.1,
  'newest reports lost': 0.15,
  'all reports lost': 0.1,
} as const
export type Disaster = keyof typeof RATES

export const DISASTERS = Object.keys(RATES) as Disaster[]

export class Faults {
  readonly counts = new Map<Mishap | Disaster, number>()
  readonly clearSeconds: number
  readonly #random: Random
  readonly #timeline: Timeline
  readonly #chances = new Map<string, number>()

  constructor(random: Random, timeline: Timeline) {
    this.#random = random
    this.#timeline = timeline
    // Some seeds are calm, some have one trouble, some have all at once.
    const share = random.pick([0, 0.1, 0.3, 0.6, 1])
    const strength = random.pick([0.3, 1, 2])
    this.clearSeconds = random.between(2, 20)
    for (const [kind, most] of [...Object.entries(CHANCES), ...Object.entries(RATES)]) {
      if (random.chance(share)) this.#chances.set(kind, most * strength * random.next())
    }
  }

  get areOver(): boolean {
    return this.#timeline.now >= this.clearSeconds
  }

  happens(kind: Mishap): boolean {
    if (this.areOver || !this.#random.chance(this.#chances.get(kind) ?? 0)) return false
    this.note(kind)
    return true
  }

  /** Calls `strike` at random times until the faults are over. */
  plan(kind: Disaster, strike: () => void): void {
    const rate = this.#chances.get(kind) ?? 0
    if (rate === 0) return
    const next = (): void => {
      const waitSeconds = -Math.log(1 - this.#random.next()) / rate
      this.#timeline.after(waitSeconds, () => {
        if (this.areOver) return
        this.note(kind)
        strike()
        next()
      })
    }
    next()
  }

  note(kind: Mishap | Disaster): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
  }
}
