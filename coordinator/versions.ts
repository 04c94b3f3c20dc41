// Which version of the protocol a coordinator writes for all of its agents, and whom that leaves out. Pure. In: beats of agents, and
// that agents have gone. Out: the version, who reads it, and sentences about those who do not.
// Always true: the version is one that this coordinator reads; no other is read by more slots; it changes only where another one is
// read by more, or while no job runs.
import type { Beat } from '../proto/presence.js'
import { isWithin, type VersionRange, versionsText } from '../proto/version.js'

interface Known {
  readonly host: string
  readonly program: string
  readonly versions: VersionRange
  readonly slots: number
  /** Beats that came while it did not read what is written. */
  passedOver: number
}

/** So many are named; more would fill the line. */
const MOST_NAMED = 3
/** What is decided when the first agents are heard may be decided otherwise a moment later: it is said at the second beat. */
const BEATS_BEFORE_SAID = 2

export class Versions {
  readonly #own: VersionRange
  readonly #program: string
  readonly #agents = new Map<string, Known>()
  /** The versions that it was said of: a hundred agents of one version are one line. */
  readonly #said = new Set<string>()
  #version: number

  /** `own`: what this coordinator reads and may write. */
  constructor(own: VersionRange, program: string) {
    this.#own = own
    this.#program = program
    this.#version = own.newest
  }

  get version(): number {
    return this.#version
  }

  /** Returns whether another version is written from now on. */
  hear(beat: Pick<Beat, 'agent' | 'host' | 'slots' | 'draining' | 'versions' | 'program'>): boolean {
    const { agent, host, program, versions } = beat
    const slots = beat.draining ? 0 : beat.slots
    const before = this.#agents.get(agent)
    const { oldest, newest } = before?.versions ?? {}
    if (before?.slots === slots && oldest === versions.oldest && newest === versions.newest) return false
    this.#agents.set(agent, { host, program, versions, slots, passedOver: before?.passedOver ?? 0 })
    return this.#choose()
  }

  /** The same of an agent that is not heard of any more. */
  leave(agent: string): boolean {
    return this.#agents.delete(agent) && this.#choose()
  }

  /** No job runs: the next one begins with the highest version. */
  renew(): void {
    this.#version = this.#own.newest
    this.#choose()
  }

  /** Whether it reads what is written. */
  isReader(agent: string): boolean {
    const known = this.#agents.get(agent)
    return known !== undefined && this.#reads(known)
  }

  /** Of an agent that has just beaten and does not read what is written: what is to be said of it, once for all that are like it. */
  news(agent: string): string | undefined {
    const known = this.#agents.get(agent)
    if (known === undefined || ++known.passedOver < BEATS_BEFORE_SAID) return undefined
    const theirs = versionsText(known.versions)
    if (this.#said.has(theirs)) return undefined
    this.#said.add(theirs)
    return (
      `Agent ${agent} on ${printable(known.host)} takes no shards: it speaks protocol ${theirs} ` +
      `(manyhands ${printable(known.program)}), ${this.#ours()} (manyhands ${this.#program}). ` +
      `Others like it are not named; ${this.#remedy([known])}`
    )
  }

  /** Why an agent is given nothing. */
  why(agent: string): string | undefined {
    const known = this.#agents.get(agent)
    if (known === undefined || this.#reads(known)) return undefined
    return `it speaks protocol ${versionsText(known.versions)}, ${this.#ours()}: ${this.#remedy([known])}`
  }

  /** Why nobody works, where there are agents, but none that reads what is written. */
  get absence(): string | undefined {
    const others = [...this.#agents.values()].filter(known => !this.#reads(known))
    if (others.length === 0 || others.length < this.#agents.size) return undefined
    const theirs = [...new Set(others.map(({ versions }) => versionsText(versions)))].join(', ')
    const who = others.length === 1 ? '1 agent speaks' : `${others.length} agents speak`
    return `${who} protocol ${theirs}, ${this.#ours()}: ${this.#remedy(others)}`
  }

  #reads({ versions }: Known): boolean {
    return isWithin(this.#version, versions)
  }

  /** What most slots read; of those the one that is written now, else the highest. */
  #choose(): boolean {
    const before = this.#version
    let most = this.#slotsThatRead(before)
    for (let version = this.#own.newest; version >= this.#own.oldest; version--) {
      const slots = this.#slotsThatRead(version)
      if (slots <= most) continue
      most = slots
      this.#version = version
    }
    return this.#version !== before
  }

  #slotsThatRead(version: number): number {
    let sum = 0
    for (const { slots, versions } of this.#agents.values()) if (isWithin(version, versions)) sum += slots
    return sum
  }

  #ours(): string {
    const own = versionsText(this.#own)
    const written = `${this.#version}`
    return own === written ? `this coordinator ${own}` : `this coordinator ${own}, of which ${written} is in use`
  }

  /** The older side is the one to be upgraded. */
  #remedy(others: readonly Known[]): string {
    const older = others.filter(({ versions }) => versions.newest < this.#version)
    const hosts = [...new Set(older.map(({ host }) => printable(host)))]
    const named = hosts.slice(0, MOST_NAMED).join(', ')
    const more = hosts.length > MOST_NAMED ? ` and ${hosts.length - MOST_NAMED} more` : ''
    const places = [
      ...(older.length < others.length ? ['here'] : []),
      ...(hosts.length > 0 ? [`on ${named}${more}`] : []),
    ]
    return `upgrade manyhands ${places.join(' and ')} [MH-AGENT-VERSION]`
  }
}

/** Without what would move a terminal's cursor: it comes from elsewhere. */
const printable = (text: string): string => text.replace(/\p{C}/gu, '').slice(0, 64)
