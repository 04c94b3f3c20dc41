// What agents and coordinators tell everybody, again and again: all that they hold, so that a lost message costs nothing.
import type { LiveShards, ShardAttempt } from './live.js'
import type { BlobRef } from './shard.js'
import type { VersionRange } from './version.js'

/** An agent may be asked to use so many slots, or as many as it began with: more would be a mistake. */
export const MOST_WISHED_SLOTS = 1024

/** A shard that an agent holds: its lease lives as long as the agent's beats name it. */
export interface Held {
  readonly job: string
  readonly epoch: number
  readonly shard: number
  readonly attempt: number
  /** A worker has begun it. */
  readonly started: boolean
  /** It has ended here; its reports are in the outbox until they are stored and settled. */
  readonly reported: boolean
}

/** An agent's sign of life. */
export interface Beat {
  readonly agent: string
  readonly host: string
  /** Ascending; an older beat than the newest one seen says nothing. */
  readonly sequence: number
  readonly slots: number
  readonly draining: boolean
  readonly held: readonly Held[]
  /** What it reads. */
  readonly versions: VersionRange
  /** Its manyhands, for people. */
  readonly program: string
  /** What it offers, `host=…`, `os=…` and `arch=…` among it; undefined of one from before labels. */
  readonly labels?: readonly string[]
  /** When the newest wish for its slots was made that it knows of. */
  readonly wishedMs?: number
}

/** What somebody wants of an agent. */
export interface AgentWish {
  readonly agent: string
  /** It is to finish what it holds, and to end. */
  readonly drain: boolean
  /** So many of its slots are to take work, as was asked for then. */
  readonly slots?: { readonly count: number; readonly askedMs: number }
}

/**
 * A job as its coordinator announces it. A shard below `nextShard` that is not live is settled or replaced: whoever holds
 * it, or reports of it, may let go. A live shard's older attempts are revoked: what has not begun need not begin.
 */
export interface ActiveJob {
  readonly job: string
  readonly epoch: number
  readonly spec: BlobRef
  /** What `spec` names, where it is short: nobody need ask for it. */
  readonly specContent?: Uint8Array
  /** In which its tasks, its spec and what they refer to are written. */
  readonly version: number
  readonly weight: number
  /** Jobs of a higher one come first; 0 where nothing is said. */
  readonly priority?: number
  /** Whoever does not offer all of these takes none of its shards. */
  readonly needs?: readonly string[]
  /** Agents that are given no more of it for now. */
  readonly putAside?: readonly string[]
  readonly nextShard: number
  readonly live: LiveShards
  /** Slots are idle: whoever has one of these gives back at once what it has not begun of it. */
  readonly recalled: readonly ShardAttempt[]
  /** What runs may end; nothing more is begun. */
  readonly finishing: boolean
}

export interface Broadcast {
  readonly coordinator: string
  readonly sequence: number
  readonly jobs: readonly ActiveJob[]
  /** The coordinator ends in good order: its jobs are over. */
  readonly closing: boolean
  /** What it reads. */
  readonly versions: VersionRange
  /** Its manyhands, for people. */
  readonly program: string
  readonly wishes?: readonly AgentWish[]
}

/** How often beats and broadcasts are sent. Smaller: more messages. Larger: a death is noticed later. */
export const BEAT_SECONDS = 0.5

/** A lease that no beat has named for this long has ended: four beats, so that one late beat costs nothing. */
export const LEASE_SECONDS = 2
