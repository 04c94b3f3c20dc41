// What an agent may take: the jobs that coordinators announce, and which shards of them are still wanted. A pure machine.
// In: broadcasts, tasks. Out: what to start, to drop, to let go.
// Always true: a broadcast older than the newest one seen of its coordinator says nothing; a job is worked in its newest
// epoch only; a job in a version that this agent does not read is not begun, and what was begun before is finished; of a job that needs
// what this agent does not offer it knows nothing.
import { missingLabels } from '../proto/labels.js'
import { LiveAttempts } from '../proto/live.js'
import type { ActiveJob, Broadcast } from '../proto/presence.js'
import type { BlobRef, Task } from '../proto/shard.js'
import { highestOfBoth, isWithin, type VersionRange } from '../proto/version.js'

export interface KnownJob {
  readonly coordinator: string
  readonly epoch: number
  readonly spec: BlobRef
  readonly specContent?: Uint8Array
  readonly weight: number
  readonly priority: number
  /** All that this agent ran of it failed: it is given no more for now. */
  readonly isPutAside: boolean
  readonly finishing: boolean
  /** Its tasks are in a version that is read here. */
  readonly isReadable: boolean
  /** What its coordinator is sent is written in this one: the highest that it and this agent read. */
  readonly version: number
}

export type IntakeEffect =
  | { readonly type: 'job'; readonly job: string; readonly known: KnownJob }
  /** Over, or its coordinator has been silent for too long: everything of it may be forgotten. */
  | { readonly type: 'gone'; readonly job: string; readonly why: string }
  /** A coordinator that was not known: it does not know this agent either. */
  | { readonly type: 'stranger'; readonly coordinator: string }
  /** One whose messages cannot be read here, nor those from here there: nothing is taken from it. */
  | { readonly type: 'incompatible'; readonly broadcast: Broadcast }
  /** What is wanted of the job may have changed: look through what is held. */
  | { readonly type: 'changed'; readonly job: string }

interface Announced extends KnownJob {
  readonly nextShard: number
  readonly attempts: LiveAttempts
  readonly recalled: ReadonlyMap<number, number>
}

/** Whose intake it is. */
export interface Self {
  readonly agent: string
  readonly labels: readonly string[]
}

const NOBODY: Self = { agent: '', labels: [] }

interface CoordinatorRecord {
  readonly sequence: number
  readonly heardAtSeconds: number
}

/** A coordinator that is silent for this long is dead, and nobody took its jobs over. */
const SILENCE_SECONDS = 60

/** What to do with a shard that is held here. */
export type Standing = 'wanted' | 'revoked' | 'settled'

export class Intake {
  readonly #versions: VersionRange
  readonly #self: Self
  readonly #jobs = new Map<string, Announced>()
  readonly #coordinators = new Map<string, CoordinatorRecord>()

  constructor(versions: VersionRange, self: Self = NOBODY) {
    this.#versions = versions
    this.#self = self
  }

  jobs(): ReadonlyMap<string, KnownJob> {
    return this.#jobs
  }

  hear(broadcast: Broadcast, now: number): IntakeEffect[] {
    const record = this.#coordinators.get(broadcast.coordinator)
    if (record !== undefined && broadcast.sequence <= record.sequence) return []
    this.#coordinators.set(broadcast.coordinator, { sequence: broadcast.sequence, heardAtSeconds: now })
    const effects: IntakeEffect[] = []
    if (record === undefined && !broadcast.closing)
      effects.push({ type: 'stranger', coordinator: broadcast.coordinator })
    const version = highestOfBoth(this.#versions, broadcast.versions)
    if (version === undefined) {
      if (record === undefined) effects.push({ type: 'incompatible', broadcast })
      return effects
    }
    const announced = new Set(broadcast.jobs.map(({ job }) => job))
    for (const [job, known] of this.#jobs) {
      if (known.coordinator === broadcast.coordinator && !announced.has(job)) this.#forget(job, 'it is over', effects)
    }
    for (const job of broadcast.jobs) this.#announce(broadcast.coordinator, version, job, effects)
    return effects
  }

  tick(now: number): IntakeEffect[] {
    const effects: IntakeEffect[] = []
    for (const [coordinator, { heardAtSeconds }] of this.#coordinators) {
      if (now - heardAtSeconds <= SILENCE_SECONDS) continue
      this.#coordinators.delete(coordinator)
      for (const [job, known] of this.#jobs) {
        if (known.coordinator === coordinator)
          this.#forget(job, `its coordinator was silent for ${SILENCE_SECONDS} s`, effects)
      }
    }
    return effects
  }

  /** Whether a task that was just pulled is to be run. */
  accepts(task: Task): boolean {
    const job = this.#jobs.get(task.job)
    if (job === undefined || task.epoch < job.epoch || job.finishing || !job.isReadable) return false
    return this.standing(task.job, task.shard, task.attempt) === 'wanted'
  }

  /** `revoked`: somebody else was given it; `settled`: nobody needs it any more. */
  standing(job: string, shard: number, attempt: number): Standing {
    const known = this.#jobs.get(job)
    if (known === undefined) return 'settled'
    const newest = known.attempts.get(shard)
    if (newest === undefined) return shard < known.nextShard ? 'settled' : 'wanted'
    return attempt < newest ? 'revoked' : 'wanted'
  }

  /** What of it has not begun is to be given back. */
  isRecalled({ job, shard, attempt }: Pick<Task, 'job' | 'shard' | 'attempt'>): boolean {
    return this.#jobs.get(job)?.recalled.get(shard) === attempt
  }

  #announce(coordinator: string, version: number, active: ActiveJob, effects: IntakeEffect[]): void {
    if (missingLabels(this.#self.labels, active.needs ?? []).length > 0) return
    const before = this.#jobs.get(active.job)
    if (before !== undefined && active.epoch < before.epoch) return
    const { job, epoch, spec, specContent, weight, nextShard, finishing } = active
    const isReadable = isWithin(active.version, this.#versions)
    if (before === undefined && !isReadable) return
    const attempts = new LiveAttempts(active.live)
    const recalled = new Map(active.recalled.map(({ shard, attempt }) => [shard, attempt]))
    const { priority = 0, putAside = [] } = active
    const isPutAside = putAside.includes(this.#self.agent)
    const said = {
      coordinator,
      epoch,
      spec,
      weight: Math.max(1, weight),
      priority,
      isPutAside,
      finishing,
      isReadable,
      version,
    }
    const told = { ...said, nextShard, attempts, recalled }
    const known = specContent === undefined ? told : { ...told, specContent }
    this.#jobs.set(job, known)
    if (before === undefined || before.epoch !== epoch) effects.push({ type: 'job', job, known })
    effects.push({ type: 'changed', job })
  }

  #forget(job: string, why: string, effects: IntakeEffect[]): void {
    this.#jobs.delete(job)
    effects.push({ type: 'gone', job, why })
  }
}
