// The agents that a job can count on, and their slots. Pure. In: agents that offer slots, are not heard of any more, or refuse the
// job. Out: sums, and why nothing runs. Always true: a slot counts while its agent is heard of.
export class Attendance {
  readonly #slotsOf = new Map<string, number>()
  readonly #refusers = new Set<string>()
  #slots = 0
  #hadAny = false

  get agents(): number {
    return this.#slotsOf.size
  }

  /** Of all agents. */
  get slots(): number {
    return this.#slots
  }

  /** Why nothing is running, where there is nobody. */
  get absence(): string | undefined {
    if (this.#slotsOf.size > 0) return undefined
    return this.#hadAny ? 'no agent is heard of any more' : 'no agent has joined yet'
  }

  /** Returns whether the number of slots has changed. */
  join(agent: string, slots: number): boolean {
    const before = this.#slotsOf.get(agent) ?? 0
    this.#slotsOf.set(agent, slots)
    this.#hadAny = true
    this.#slots += slots - before
    return slots !== before
  }

  /** The same of an agent that is not heard of any more. */
  leave(agent: string): boolean {
    const before = this.#slotsOf.get(agent) ?? 0
    this.#slotsOf.delete(agent)
    this.#slots -= before
    return before > 0
  }

  /** It cannot run the job. Returns whether nobody is left who has not said so. */
  refuse(agent: string): boolean {
    this.#refusers.add(agent)
    return [...this.#slotsOf.keys()].every(name => this.#refusers.has(name))
  }
}
