// The time of a job's slots as its coordinator sees it: who served from when to when, what their reports account for, and
// what is left. A pure machine. In: agents that are heard of and go, reports as they arrive. Out: the capacity, and the
// parts of it that no report can know. Always true: capacity = accounted + transport + tail + lost + unknown - excess; a
// slot counts from its agent's first beat until the agent drains, or until its last beat if it dies, and in either case
// until its last report.

export interface Served {
  readonly capacity: number
  /** Until slots heard of the job, and while their reports travelled. */
  readonly transport: number
  /** After a slot's last report. */
  readonly tail: number
  /** Of tail: slots that got nothing at all. */
  readonly unused: number
  /** As tail, but the work went on, or was with an agent that died. */
  readonly lost: number
  /** Of slots that do not account for their time. */
  readonly unknown: number
  /** What is accounted for twice. */
  readonly excess: number
}

interface Slot {
  /** While its agent was there, up to `fromSeconds` or the agent's going. */
  servedSeconds: number
  fromSeconds: number | undefined
  endedSeconds: number
  accountedSeconds: number
  elsewhereSeconds: number
  reportedSeconds: number | undefined
  isDead: boolean
}

interface Agent {
  slots: number
  heardSeconds: number
}

export class ServedTime {
  readonly #agents = new Map<string, Agent>()
  readonly #slots = new Map<string, Slot>()
  #startedSeconds: number | undefined

  start(now: number): void {
    this.#startedSeconds = now
    for (const slot of this.#slots.values()) if (slot.fromSeconds !== undefined) slot.fromSeconds = now
  }

  /** An agent was heard of: so many slots serve from now on. */
  serve(name: string, slots: number, now: number): void {
    const agent = this.#agents.get(name) ?? { slots: 0, heardSeconds: now }
    agent.heardSeconds = now
    this.#agents.set(name, agent)
    for (let at = agent.slots; at < slots; at++) this.#open(`${name}/${at}`, now)
    for (let at = slots; at < agent.slots; at++) this.#close(`${name}/${at}`, now)
    agent.slots = slots
  }

  /** An agent was not heard of for too long: it has not served since its last beat. */
  gone(name: string): void {
    const agent = this.#agents.get(name)
    if (agent === undefined) return
    this.#agents.delete(name)
    for (let at = 0; at < agent.slots; at++) {
      const slot = this.#slots.get(`${name}/${at}`)
      if (slot !== undefined) slot.isDead = true
      this.#close(`${name}/${at}`, agent.heardSeconds)
    }
  }

  /** `accounted`: of the report's time, without that for other jobs. Any slot may report: it served for as long as it says. */
  report(name: string, accountedSeconds: number, elsewhereSeconds: number, items: number, now: number): void {
    const slot = this.#slots.get(name) ?? this.#newSlot(name)
    // What only gives a shard back says nothing of the slot.
    if (accountedSeconds === 0 && items === 0) return
    const endedSeconds = Math.max(slot.endedSeconds, this.#startedSeconds ?? slot.endedSeconds)
    if (slot.fromSeconds === undefined && now > endedSeconds) {
      const afterSeconds = Math.min(now - endedSeconds, accountedSeconds + elsewhereSeconds)
      slot.servedSeconds += afterSeconds
      slot.endedSeconds = now
    }
    slot.accountedSeconds += accountedSeconds
    slot.elsewhereSeconds += elsewhereSeconds
    slot.reportedSeconds = now
    slot.isDead = false
  }

  get agents(): number {
    return this.#agents.size
  }

  /** `isUnfinished`: the job ended while its slots were at work. */
  settle(now: number, isUnfinished: boolean): Served {
    const sum = { capacity: 0, transport: 0, tail: 0, unused: 0, lost: 0, unknown: 0, excess: 0 }
    for (const slot of this.#slots.values()) {
      const ended = slot.fromSeconds === undefined ? slot.endedSeconds : now
      const open = slot.fromSeconds === undefined ? 0 : Math.max(0, now - slot.fromSeconds)
      const served = Math.max(0, slot.servedSeconds + open - slot.elsewhereSeconds)
      sum.capacity += served
      const { reportedSeconds } = slot
      const after = reportedSeconds === undefined ? served : Math.min(served, Math.max(0, ended - reportedSeconds))
      const isLost = slot.isDead || (isUnfinished && reportedSeconds !== undefined)
      sum[isLost ? 'lost' : 'tail'] += after
      if (reportedSeconds === undefined && !isLost) sum.unused += after
      const isSilent = reportedSeconds !== undefined && slot.accountedSeconds === 0
      const rest = served - after - slot.accountedSeconds
      if (rest < 0) sum.excess -= rest
      else sum[isSilent ? 'unknown' : 'transport'] += rest
    }
    return sum
  }

  #newSlot(name: string): Slot {
    const slot = {
      servedSeconds: 0,
      fromSeconds: undefined,
      endedSeconds: Number.NEGATIVE_INFINITY,
      accountedSeconds: 0,
      elsewhereSeconds: 0,
      reportedSeconds: undefined,
      isDead: false,
    }
    this.#slots.set(name, slot)
    return slot
  }

  #open(name: string, now: number): void {
    const slot = this.#slots.get(name) ?? this.#newSlot(name)
    if (slot.fromSeconds === undefined) slot.fromSeconds = now
    slot.isDead = false
  }

  #close(name: string, now: number): void {
    const slot = this.#slots.get(name)
    if (slot?.fromSeconds === undefined) return
    // A report may be newer than the last beat.
    slot.endedSeconds = Math.max(now, slot.reportedSeconds ?? now)
    slot.servedSeconds += Math.max(0, slot.endedSeconds - slot.fromSeconds)
    slot.fromSeconds = undefined
  }
}
