// The hands of a coordinator: jobs on one side, a transport on the other. It tells all agents again and again what is
// active and hears their beats; everything that has to be decided is decided in the pure machines (ledger, gather, plan).
//
// In: JobRequests. Out: JobEnds; broadcasts, tasks and blobs on the transport. Always true: broadcasts are stateless, so
// that a lost or late one does no harm; a job that is over is in no broadcast.
import { randomBytes } from 'node:crypto'
import type { BlobSource } from '../proto/blob.js'
import { blobChunkCodec, blobRequestCodec } from '../proto/blob-codec.js'
import { MessageError, VersionError, versionOf } from '../proto/envelope.js'
import type { Log } from '../proto/log.js'
import { BEAT_SECONDS, type Beat, LEASE_SECONDS } from '../proto/presence.js'
import { beatCodec, broadcastCodec } from '../proto/presence-codec.js'
import { programVersion } from '../proto/program.js'
import type { BlobRef } from '../proto/shard.js'
import type { Clock } from '../proto/timing.js'
import type { CoordinatorTransport, Subscription } from '../proto/transport.js'
import { VERSIONS, type VersionRange } from '../proto/version.js'
import { Ahead, type Opening } from './ahead.js'
import { type Announcement, announce, codeOf } from './announcement.js'
import { Blobs } from './blobs.js'
import type { Pace } from './crew.js'
import { type Durable, firstEpochOf } from './durable/checkpoint.js'
import type { JobEnd, JobRequest } from './job.js'
import type { Receipt } from './receipt.js'
import { Roster } from './roster.js'
import { Run } from './run.js'
import type { AgentView } from './serve/desk.js'
import { Versions } from './versions.js'

export interface CoordinatorOptions {
  readonly transport: CoordinatorTransport
  readonly placement: Exclude<Receipt['placement'], 'inline'>
  /** A task's items beyond this travel as a blob: a server's queue should stay small. */
  readonly inlineBytes: number
  /** How long the queue of a next job, made ahead, is kept for it; 0: none is made. */
  readonly aheadSeconds: number
  /** The first change is told at once, those of a burst after it together: less would cost messages, more would delay jobs. */
  readonly changeSeconds: number
  readonly clock: Clock
  /** Milliseconds that clocks on walls have, by which operators' wishes are put in order; by default those of this machine. */
  readonly wallMs?: () => number
  readonly log: Log
  /** What it reads and may write, where that is not what this program does. */
  readonly versions?: VersionRange
}

/** An agent that no beat has named for this long serves no more; it may come back. */
const AGENT_GONE_SECONDS = 2 * LEASE_SECONDS
/** Jobs are looked at so often; every other time all agents are told what is active. */
const TICK_SECONDS = BEAT_SECONDS / 2
/** More: memory for functions that are not met again. */
const MOST_KNOWN = 200

export class Coordinator {
  readonly #options: CoordinatorOptions
  readonly #range: VersionRange
  readonly #versions: Versions
  readonly #name = `c-${randomBytes(6).toString('hex')}`
  readonly #blobs = new Blobs()
  /** What an item took at the end of the last job of the same code. */
  readonly #itemSeconds = new Map<string, number>()
  readonly #runs = new Map<string, Run>()
  readonly #ahead: Ahead
  /** Runs that are over, while something of them is still on the server. */
  readonly #closing = new Set<Promise<void>>()
  /** Those heard of lately. */
  readonly #agents = new Roster()
  readonly #subscriptions: Subscription[]
  readonly #timer: NodeJS.Timeout
  readonly #heard: Promise<void>
  #hearFirst: () => void = () => {}
  #soon: NodeJS.Timeout | undefined
  #broadcastAtSeconds = Number.NEGATIVE_INFINITY
  #sequence = 0
  #isBroadcastDue = false
  #unreadable = 0
  #closed = false

  constructor(options: CoordinatorOptions) {
    this.#options = options
    const { transport, aheadSeconds, clock } = options
    this.#range = options.versions ?? VERSIONS
    this.#versions = new Versions(this.#range, programVersion())
    const openJob = transport.openJob.bind(transport)
    this.#ahead = new Ahead({ openJob, keepSeconds: aheadSeconds, clock })
    this.#heard = new Promise(resolve => {
      this.#hearFirst = resolve
    })
    this.#subscriptions = [
      transport.onBeat(message => this.#hear(message)),
      transport.serveBlobs(message => this.#answer(message)),
    ]
    this.#timer = setInterval(() => this.#tick(), TICK_SECONDS * 1000)
    // Agents answer a stranger with a beat, so that the first job knows its slots.
    this.#broadcast()
  }

  /** Resolves when an agent has been heard of that can work. */
  get heard(): Promise<void> {
    return this.#heard
  }

  /** Those of all agents that were heard of lately and can work. */
  get slots(): number {
    let sum = 0
    for (const [agent, { slots }] of this.#agents.known) if (this.#versions.isReader(agent)) sum += slots
    return sum
  }

  /** All that are heard of, those among them that are given no work. */
  agents(): readonly AgentView[] {
    return this.#agents.views(this.#options.clock(), agent => this.#whyIdle(agent))
  }

  /** It is asked to finish what it holds, and to end; undefined where no such agent is heard of. */
  drain(agent: string): AgentView | undefined {
    if (!this.#agents.drain(agent)) return undefined
    this.#broadcastSoon()
    return this.#viewOf(agent)
  }

  /** So many of its slots are to take work from now on; its next beat says how many do. */
  setSlots(agent: string, slots: number): AgentView | undefined {
    if (!this.#agents.setSlots(agent, slots, (this.#options.wallMs ?? Date.now)())) return undefined
    this.#broadcastSoon()
    return this.#viewOf(agent)
  }

  #viewOf(name: string): AgentView | undefined {
    return this.agents().find(agent => agent.name === name)
  }

  #whyIdle(agent: string): string | undefined {
    const version = this.#versions.why(agent)
    if (version !== undefined) return version
    const now = this.#options.clock()
    const reasons = [...this.#runs.values()].flatMap(run => run.whyNot(agent, now) ?? [])
    return reasons.length === 0 ? undefined : reasons.join('; ')
  }

  /** Makes the queue of the first job, or rejects with why it cannot be made. */
  prepare(): Promise<void> {
    return this.#ahead.prepare()
  }

  async run(request: JobRequest, onPace?: (pace: Pace) => void): Promise<JobEnd> {
    const { transport, placement, inlineBytes, clock, log } = this.#options
    const kept: BlobRef[] = []
    const keep = (content: Uint8Array | BlobSource): BlobRef => {
      const ref = this.#blobs.keep(content)
      kept.push(ref)
      return ref
    }
    const { durable } = request
    const opening = durable === undefined ? this.#ahead.take(request.function.name) : this.#openingOf(durable)
    if (this.#runs.size === 0) this.#versions.renew()
    const announcements = new Map<number, Announcement>()
    const announced = (): Announcement => {
      const { version } = this.#versions
      const made = announcements.get(version) ?? announce(opening.job, request, keep, version)
      announcements.set(version, made)
      return made
    }
    const { spec } = announced()
    const code = codeOf(spec)
    const earlierItemSeconds = this.#itemSeconds.get(code)
    const run = new Run({
      request,
      spec,
      announced: () => announced().job,
      version: () => this.#versions.version,
      versions: this.#range,
      incompatible: () => this.#versions.absence,
      unmet: needs => this.#agents.unmet(needs),
      placement,
      clock,
      log,
      blobs: this.#blobs,
      taskBytes: Math.min(inlineBytes, transport.limitBytes / 2),
      openChannel: (epoch, onReport) =>
        epoch === firstEpochOf(durable?.owner ?? 1)
          ? opening.open(onReport)
          : transport.openJob(spec.job, epoch, onReport),
      dropEpochsBefore: epoch => transport.dropEpochsBefore(spec.job, epoch),
      ...(earlierItemSeconds !== undefined && { earlierItemSeconds }),
      ...(onPace && { onPace }),
      onOpen: () => this.#broadcast(),
      onChange: () => this.#broadcastSoon(),
    })
    for (const [agent, { slots, labels }] of this.#agents.known)
      if (this.#versions.isReader(agent) && run.isFor(labels)) run.join(agent, slots, clock())
    this.#runs.set(spec.job, run)
    try {
      return await run.toEnd()
    } finally {
      this.#runs.delete(spec.job)
      this.#learn(code, run.itemSeconds)
      this.#broadcastSoon()
      for (const ref of kept) this.#blobs.release(ref)
      if (this.#runs.size === 0) this.#ahead.rest()
      const closing = run.close().finally(() => this.#closing.delete(closing))
      this.#closing.add(closing)
    }
  }

  /** Takes away what a job that is over has left on the server. */
  dropJob(job: string): Promise<void> {
    return this.#options.transport.dropJob(job)
  }

  /** Idempotent. Jobs that still run are not waited for; of those that are over nothing is left behind. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#timer)
    clearTimeout(this.#soon)
    this.#broadcast()
    for (const subscription of this.#subscriptions) subscription.close()
    await Promise.all([this.#ahead.close(), ...this.#closing])
    await this.#options.transport.close()
  }

  #openingOf({ job, owner }: Durable): Opening {
    this.#ahead.discard()
    return { job, open: onReport => this.#options.transport.openJob(job, firstEpochOf(owner), onReport) }
  }

  #learn(code: string, itemSeconds: number | undefined): void {
    if (itemSeconds === undefined) return
    this.#itemSeconds.delete(code)
    this.#itemSeconds.set(code, itemSeconds)
    if (this.#itemSeconds.size > MOST_KNOWN) this.#itemSeconds.delete(this.#itemSeconds.keys().next().value as string)
  }

  #tick(): void {
    const now = this.#options.clock()
    for (const agent of this.#agents.leave(now, AGENT_GONE_SECONDS)) {
      for (const run of this.#runs.values()) run.gone(agent)
      if (this.#versions.leave(agent)) this.#rewrite()
    }
    for (const run of this.#runs.values()) run.tick(now)
    this.#isBroadcastDue = !this.#isBroadcastDue
    if (this.#isBroadcastDue) this.#broadcast()
  }

  #broadcastSoon(): void {
    if (this.#soon !== undefined) return
    const { changeSeconds, clock } = this.#options
    const waitSeconds = this.#broadcastAtSeconds + changeSeconds - clock()
    if (waitSeconds <= 0) this.#broadcast()
    else this.#soon = setTimeout(() => this.#broadcast(), waitSeconds * 1000)
  }

  #broadcast(): void {
    clearTimeout(this.#soon)
    this.#soon = undefined
    this.#broadcastAtSeconds = this.#options.clock()
    const jobs = [...this.#runs.values()].filter(run => run.isActive).map(run => run.active())
    const own = { coordinator: this.#name, versions: this.#range, program: programVersion() }
    const wishes = this.#agents.wishes()
    const broadcast = { ...own, sequence: ++this.#sequence, jobs, closing: this.#closed, wishes }
    this.#options.transport.broadcast(broadcastCodec.encode(broadcast))
  }

  #hear(message: Uint8Array): void {
    const beat = this.#readable(() => beatCodec.decode(message))
    if (beat === undefined) return
    const now = this.#options.clock()
    if (!this.#agents.has(beat.agent)) this.#broadcastSoon()
    this.#agents.hear(beat, now)
    if (this.#versions.hear(beat)) this.#rewrite()
    if (!this.#versions.isReader(beat.agent)) return this.#passOver(beat, now)
    for (const run of this.#runs.values()) if (run.isFor(beat.labels)) run.beat(beat, now)
    this.#hearFirst()
  }

  /** An agent that does not read what is written is given nothing; what it was given before, it may end. */
  #passOver(beat: Beat, now: number): void {
    for (const [job, run] of this.#runs) {
      if (beat.held.some(held => held.job === job)) run.beat({ ...beat, draining: true }, now)
      else run.gone(beat.agent)
    }
    const news = this.#versions.news(beat.agent)
    if (news !== undefined) this.#options.log('warn', news)
  }

  /** Another version is written from now on. */
  #rewrite(): void {
    for (const run of this.#runs.values()) run.rewrite()
    this.#broadcastSoon()
  }

  #answer(message: Uint8Array): Uint8Array | Promise<Uint8Array> | undefined {
    const request = this.#readable(() => blobRequestCodec.decode(message, this.#range))
    if (request === undefined || request.coordinator !== this.#name) return undefined
    // What does not fit into a message is not sent, whoever asks for it.
    const limitBytes = Math.min(request.limitBytes, this.#options.transport.limitBytes >>> 1)
    const version = versionOf(message)
    const chunk = this.#blobs.answer({ ...request, limitBytes })
    return chunk instanceof Promise
      ? chunk.then(read => blobChunkCodec.encode(read, version))
      : blobChunkCodec.encode(chunk, version)
  }

  #readable<T>(read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof MessageError)) throw error
      // A request to another coordinator: this one is asked in versions that it reads.
      if (error instanceof VersionError) return undefined
      if (this.#unreadable++ === 0) {
        this.#options.log('warn', `A message was dropped: ${error.message}. Further ones are only counted.`)
      }
      return undefined
    }
  }
}
