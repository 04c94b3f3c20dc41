// What somebody wants of this agent. A pure machine. In: the wishes of broadcasts. Out: what is new of them.
// Always true: wishes for slots have one order, by the time they were made at and then by who made them; only one that comes after all that
// were followed is followed. So each is followed once at most, in whatever order they are heard and however often, and two coordinators that
// wish for different numbers cannot make it go to and fro. Who drains goes on draining.
import type { AgentWish } from '../proto/presence.js'

export interface News {
  readonly drain: boolean
  readonly slots?: number
}

export class Wishes {
  #newestMs = 0
  #newestBy = ''
  #isDraining = false

  /** When the newest wish for slots was made; beats say it, so that the next one comes after it whatever the clocks say. */
  get newestMs(): number {
    return this.#newestMs
  }

  hear(agent: string, by: string, wishes: readonly AgentWish[]): News | undefined {
    let drain = false
    let wanted: number | undefined
    for (const wish of wishes) {
      if (wish.agent !== agent) continue
      if (wish.drain && !this.#isDraining) {
        this.#isDraining = true
        drain = true
      }
      if (wish.slots !== undefined && this.#isNewer(wish.slots.askedMs, by)) {
        this.#newestMs = wish.slots.askedMs
        this.#newestBy = by
        wanted = wish.slots.count
      }
    }
    if (!drain && wanted === undefined) return undefined
    return { drain, ...(wanted !== undefined && { slots: wanted }) }
  }

  #isNewer(askedMs: number, by: string): boolean {
    return askedMs > this.#newestMs || (askedMs === this.#newestMs && by > this.#newestBy)
  }
}
