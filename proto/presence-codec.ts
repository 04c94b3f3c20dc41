// Who is there, on the wire: beats of agents, broadcasts of coordinators. In: domain values, or bytes. Out: the other, or a
// MessageError. Always true: what is live, recalled or held is named by shard and attempt, whole numbers all of them; every version
// reads both, so their fields are only ever added to.
import { MessageError } from './envelope.js'
import * as wire from './gen/wire.js'
import { refFromWire, refToWire, whole } from './items-codec.js'
import type { ShardAttempt } from './live.js'
import { big, type Codec, codec } from './message-codec.js'
import type { ActiveJob, AgentWish, Beat, Broadcast } from './presence.js'
import { ANY_VERSION, PRESENCE_VERSION, type VersionRange } from './version.js'

const forAll = <T>(known: Codec<T>): Codec<T> => ({
  encode: value => known.encode(value, PRESENCE_VERSION),
  decode: message => known.decode(message, ANY_VERSION),
})

interface WireRange {
  readonly oldestVersion: number
  readonly newestVersion: number
}

const rangeToWire = ({ oldest, newest }: VersionRange): WireRange => ({ oldestVersion: oldest, newestVersion: newest })

const rangeFromWire = ({ oldestVersion, newestVersion }: WireRange): VersionRange => {
  const versions = { oldest: oldestVersion || 1, newest: newestVersion || 1 }
  if (versions.newest < versions.oldest)
    throw new MessageError(`versions from ${versions.oldest} to ${versions.newest}`)
  return versions
}

/** Of one agent: more would be a mistake, and an account is kept of each. */
const MOST_SLOTS = 65_536

const slotsFromWire = (slots: number): number => {
  if (slots > MOST_SLOTS)
    throw new MessageError(`an agent says that it has ${slots} slots; at most ${MOST_SLOTS} count`)
  return slots
}

const plainBeat = codec<Beat, wire.Beat>(
  'beat',
  wire.Beat,
  beat => ({
    agent: beat.agent,
    host: beat.host,
    sequence: big(beat.sequence),
    slots: beat.slots,
    draining: beat.draining,
    ...rangeToWire(beat.versions),
    program: beat.program,
    labels: [...(beat.labels ?? [])],
    wishedMs: big(beat.wishedMs ?? 0),
    held: beat.held.map(held => ({ ...held, epoch: big(held.epoch), shard: big(held.shard) })),
  }),
  beat => ({
    agent: beat.agent,
    host: beat.host,
    sequence: whole(beat.sequence),
    slots: slotsFromWire(beat.slots),
    draining: beat.draining,
    held: beat.held.map(held => ({ ...held, epoch: whole(held.epoch), shard: whole(held.shard) })),
    versions: rangeFromWire(beat),
    program: beat.program,
    ...(beat.labels.length > 0 && { labels: beat.labels }),
    ...(beat.wishedMs > 0n && { wishedMs: whole(beat.wishedMs) }),
  }),
)
export const beatCodec: Codec<Beat> = forAll(plainBeat)

const attemptToWire = ({ shard, attempt }: ShardAttempt): wire.LiveShard => ({ shard: big(shard), attempt })
const attemptFromWire = ({ shard, attempt }: wire.LiveShard): ShardAttempt => ({ shard: whole(shard), attempt })

const jobToWire = (job: ActiveJob): wire.ActiveJob => ({
  job: job.job,
  version: job.version,
  epoch: big(job.epoch),
  spec: refToWire(job.spec),
  weight: job.weight,
  priority: job.priority ?? 0,
  needs: [...(job.needs ?? [])],
  putAside: [...(job.putAside ?? [])],
  nextShard: big(job.nextShard),
  live: job.live.others.map(attemptToWire),
  liveFrom: big(job.live.from),
  liveBits: job.live.bits,
  recalled: job.recalled.map(attemptToWire),
  finishing: job.finishing,
  specContent: job.specContent ?? new Uint8Array(),
})

const jobFromWire = (job: wire.ActiveJob): ActiveJob => ({
  job: job.job,
  version: job.version || 1,
  epoch: whole(job.epoch),
  spec: refFromWire(job.spec),
  weight: job.weight,
  ...(job.priority !== 0 && { priority: job.priority }),
  ...(job.needs.length > 0 && { needs: job.needs }),
  ...(job.putAside.length > 0 && { putAside: job.putAside }),
  nextShard: whole(job.nextShard),
  live: { from: whole(job.liveFrom), bits: job.liveBits, others: job.live.map(attemptFromWire) },
  recalled: job.recalled.map(attemptFromWire),
  finishing: job.finishing,
  ...(job.specContent.byteLength > 0 && { specContent: job.specContent }),
})

const wishToWire = ({ agent, drain, slots }: AgentWish): wire.AgentWish => ({
  agent,
  drain,
  slots: slots?.count ?? 0,
  askedMs: big(slots?.askedMs ?? 0),
})

const wishFromWire = ({ agent, drain, slots, askedMs }: wire.AgentWish): AgentWish => ({
  agent,
  drain,
  ...(slots > 0 && { slots: { count: slotsFromWire(slots), askedMs: whole(askedMs) } }),
})

const needsLabels = ({ needs }: ActiveJob): boolean => needs !== undefined && needs.length > 0

const plainBroadcast = codec<Broadcast, wire.Broadcast>(
  'broadcast',
  wire.Broadcast,
  broadcast => ({
    coordinator: broadcast.coordinator,
    sequence: big(broadcast.sequence),
    closing: broadcast.closing,
    ...rangeToWire(broadcast.versions),
    program: broadcast.program,
    jobs: broadcast.jobs.filter(job => !needsLabels(job)).map(jobToWire),
    // Where agents from before labels do not look: they would take what they cannot run.
    jobsWithNeeds: broadcast.jobs.filter(needsLabels).map(jobToWire),
    wishes: (broadcast.wishes ?? []).map(wishToWire),
  }),
  broadcast => ({
    coordinator: broadcast.coordinator,
    sequence: whole(broadcast.sequence),
    closing: broadcast.closing,
    versions: rangeFromWire(broadcast),
    program: broadcast.program,
    jobs: [...broadcast.jobs, ...broadcast.jobsWithNeeds].map(jobFromWire),
    ...(broadcast.wishes.length > 0 && { wishes: broadcast.wishes.map(wishFromWire) }),
  }),
)
export const broadcastCodec: Codec<Broadcast> = forAll(plainBroadcast)
