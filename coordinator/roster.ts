// The agents that are heard of, what they offer, and what somebody wants of them. Pure. In: beats, time, wishes. Out: views of the agents,
// the wishes for the broadcast, what labels nobody offers. Always true: an agent is here while it is heard of, and a wish as long as
// its agent; a later wish for slots comes after every one that the agent knows of, whatever the clocks say.
import { missingLabels } from '../proto/labels.js'
import type { AgentWish, Beat } from '../proto/presence.js'
import type { AgentView } from './serve/desk.js'

export interface Known {
  readonly slots: number
  readonly labels: readonly string[] | undefined
  readonly seenAtSeconds: number
}

interface Heard extends Known {
  readonly host: string
  readonly busySlots: number
  readonly draining: boolean
  readonly program: string
  readonly wishedMs: number
}

export class Roster {
  readonly #agents = new Map<string, Heard>()
  readonly #wishes = new Map<string, AgentWish>()

  /** By their names; the slots are those that take work. */
  get known(): ReadonlyMap<string, Known> {
    return this.#agents
  }

  has(agent: string): boolean {
    return this.#agents.has(agent)
  }

  hear(beat: Beat, now: number): void {
    const { agent, host, draining, program, labels, held, wishedMs = 0 } = beat
    const begun = held.filter(({ started, reported }) => started && !reported).length
    const slots = draining ? 0 : beat.slots
    const busySlots = Math.min(begun, beat.slots)
    this.#agents.set(agent, { host, slots, draining, program, labels, wishedMs, busySlots, seenAtSeconds: now })
  }

  /** Those that no beat has named for so long; they are forgotten. */
  leave(now: number, goneSeconds: number): string[] {
    const gone: string[] = []
    for (const [agent, { seenAtSeconds }] of this.#agents) if (now - seenAtSeconds > goneSeconds) gone.push(agent)
    for (const agent of gone) {
      this.#agents.delete(agent)
      this.#wishes.delete(agent)
    }
    return gone
  }

  views(now: number, whyOf: (agent: string) => string | undefined): AgentView[] {
    return Array.from(this.#agents, ([name, { host, slots, busySlots, draining, program, ...agent }]) => {
      const why = whyOf(name)
      const secondsSinceBeat = Math.max(0, now - agent.seenAtSeconds)
      const labels = agent.labels ?? []
      return { name, host, slots, busySlots, draining, secondsSinceBeat, labels, program, ...(why && { why }) }
    }).sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Returns whether there is such an agent. */
  drain(agent: string): boolean {
    if (!this.#agents.has(agent)) return false
    this.#wishes.set(agent, { ...this.#wishes.get(agent), agent, drain: true })
    return true
  }

  /** The same; `nowMs` by the wall clock. */
  setSlots(agent: string, count: number, nowMs: number): boolean {
    const known = this.#agents.get(agent)
    if (known === undefined) return false
    const before = this.#wishes.get(agent)
    const askedMs = Math.max(Math.floor(nowMs), known.wishedMs + 1, (before?.slots?.askedMs ?? 0) + 1)
    this.#wishes.set(agent, { agent, drain: before?.drain ?? false, slots: { count, askedMs } })
    return true
  }

  wishes(): AgentWish[] {
    return [...this.#wishes.values()]
  }

  /** Why no agent can work on a job that needs these, where there are agents. */
  unmet(needs: readonly string[]): string | undefined {
    const agents = [...this.#agents.values()]
    if (needs.length === 0 || agents.some(({ labels }) => missingLabels(labels, needs).length === 0)) return undefined
    const nowhere = needs.filter(label => agents.every(({ labels }) => missingLabels(labels, [label]).length > 0))
    if (nowhere.length > 0) return `no agent offers ${nowhere.join(', nor ')}`
    return `no agent offers all of ${needs.join(', ')}`
  }
}
