// The streams of a job on the server, as JetStream's API wants them: fields that 2.9.10 knows and that the strict API of
// newer servers accepts, and no others.
// Always true: whatever of this vanishes costs recomputing, never correctness (design.md, section 6).
import { subjects } from '../subjects.js'
import type { NatsLink } from './nats.js'
import { NatsFailure, ReplicasError } from './nats-failure.js'

/** JetStream's own numbers for what we meet. */
export const JETSTREAM = {
  noSuitablePeers: 10005,
  clusterUnavailable: 10008,
  consumerNotFound: 10014,
  streamNameInUse: 10058,
  streamNotFound: 10059,
  storageExceeded: 10047,
  replicasUnsupported: 10074,
  streamOffline: 10118,
  consumerOffline: 10119,
  messageNotFound: 10037,
  wrongLastSequence: 10071,
  /** The same, while the message before it is still being stored (2.12 and later). */
  wrongLastSequenceYet: 10164,
} as const

/** How long a delivery to a dead agent hides a task. Shorter re-delivers to busy hosts, longer stalls after a death. */
export const ACK_WAIT_SECONDS = 5

const MIB = 1024 * 1024
export const NANOS = 1e9
/** No limit but the store's own: many jobs share what is left of it, and a full one makes all of them wait. */
export const UNRESERVED = -1

/**
 * A full queue makes offers wait: two shards of 256 KiB for each of 64 slots fill it. The server reserves it for the
 * stream, so that larger leaves room for fewer jobs; where there is no room, less is tried. A byte less than round: a
 * store whose last byte is reserved refuses even a stream that reserves nothing.
 */
const TASK_BYTES: readonly number[] = [32 * MIB - 1, 8 * MIB - 1, UNRESERVED]
/** Full means that agents keep their reports until the coordinator has committed and trimmed. */
const REPORT_BYTES: readonly number[] = [256 * MIB - 1, 64 * MIB - 1, UNRESERVED]

export interface StreamInfo {
  readonly created: string
  /** Where servers keep it together; without a leader among them nothing is stored. */
  readonly cluster?: ClusterInfo
  readonly config?: { readonly max_age?: number }
  readonly state: {
    readonly messages: number
    readonly first_seq: number
    readonly last_seq: number
    /** Where they were asked for: how many messages each subject has. */
    readonly subjects?: Readonly<Record<string, number>>
  }
}

export interface ClusterInfo {
  readonly leader?: string
  readonly replicas?: readonly { readonly name: string; readonly current: boolean; readonly offline?: boolean }[]
}

export interface ConsumerInfo {
  readonly name: string
  readonly delivered: { readonly stream_seq: number }
}

export interface StreamSpec {
  readonly name: string
  readonly subject: string
  readonly retention: 'workqueue' | 'limits'
  readonly replicas: number
  /** Bytes to reserve; what there is no room for is followed by the next. */
  readonly limits: readonly number[]
  /** Messages that a subject keeps; by default all. */
  readonly mostPerSubject?: number
  /** How long a message is kept; by default for good. */
  readonly ageSeconds?: number
  /** Any of its servers may be asked for a message. */
  readonly direct?: boolean
}

export const createStream = async (link: NatsLink, spec: StreamSpec): Promise<StreamInfo> => {
  const { name, subject, retention, replicas, limits, mostPerSubject, ageSeconds = 0, direct } = spec
  let refusal: unknown
  for (const maxBytes of limits) {
    const config = {
      name,
      subjects: [subject],
      retention,
      storage: 'file',
      num_replicas: replicas,
      max_consumers: -1,
      max_msgs: -1,
      max_bytes: maxBytes,
      max_age: ageSeconds * NANOS,
      discard: 'new',
      ...(mostPerSubject !== undefined && { max_msgs_per_subject: mostPerSubject }),
      // It may not be longer than the messages are kept.
      ...(ageSeconds > 0 && { duplicate_window: Math.min(ageSeconds, 1) * NANOS }),
      ...(direct === true && { allow_direct: true }),
    }
    try {
      return await patiently(link, () => link.api<StreamInfo>(`STREAM.CREATE.${name}`, config))
    } catch (error) {
      // It was made before, with what was free then.
      if (isCode(error, JETSTREAM.streamNameInUse))
        return await patiently(link, () => link.api<StreamInfo>(`STREAM.INFO.${name}`), {
          codes: [JETSTREAM.streamNotFound],
        })
      if (isCode(error, JETSTREAM.replicasUnsupported))
        throw new ReplicasError(replicas, link.cluster, { cause: error })
      // A cluster says of too little room and of too few servers the same.
      if (!isCode(error, JETSTREAM.storageExceeded, JETSTREAM.noSuitablePeers)) throw error
      refusal = error
    }
  }
  if (replicas > 1 && isCode(refusal, JETSTREAM.noSuitablePeers))
    throw new ReplicasError(replicas, link.cluster, { cause: refusal })
  throw new Error(`JetStream has no room for the stream ${name}: raise max_file_store in the server's configuration`, {
    cause: refusal,
  })
}

/** The work queue of (job, epoch) with its one durable consumer. */
export const createTaskStream = async (link: NatsLink, job: string, epoch: number, replicas: number): Promise<void> => {
  const name = subjects.taskStream(job, epoch)
  const subject = subjects.task(job, epoch)
  await createStream(link, { name, subject, retention: 'workqueue', replicas, limits: TASK_BYTES })
  const config = {
    durable_name: subjects.taskConsumer,
    deliver_policy: 'all',
    ack_policy: 'explicit',
    ack_wait: ACK_WAIT_SECONDS * NANOS,
    max_deliver: -1,
    max_ack_pending: 100_000,
    // One for each pull under way; the default of 512 would turn agents away.
    max_waiting: 16_384,
    replay_policy: 'instant',
    num_replicas: replicas,
  }
  // Not all of a cluster know at once what was made.
  const codes = link.cluster === undefined ? [] : [JETSTREAM.streamNotFound]
  await patiently(
    link,
    () => link.api(`CONSUMER.DURABLE.CREATE.${name}.${subjects.taskConsumer}`, { stream_name: name, config }),
    { codes },
  )
}

export const createReportStream = (link: NatsLink, job: string, replicas: number): Promise<StreamInfo> =>
  createStream(link, {
    name: subjects.reportStream(job),
    subject: subjects.reportsOfJob(job),
    retention: 'limits',
    replicas,
    limits: REPORT_BYTES,
  })

/**
 * A passing reader of the reports after `sequence`; the server forgets it soon after its last pull. It has one replica: when its
 * server dies the next reader begins where it was.
 */
export const createReportConsumer = async (link: NatsLink, job: string, sequence: number): Promise<string> => {
  const name = subjects.reportStream(job)
  const config = {
    ...(sequence > 0
      ? { deliver_policy: 'by_start_sequence', opt_start_seq: sequence + 1 }
      : { deliver_policy: 'all' }),
    ack_policy: 'none',
    max_deliver: -1,
    replay_policy: 'instant',
    inactive_threshold: 30 * NANOS,
    mem_storage: true,
    num_replicas: 1,
  }
  const info = await link.api<ConsumerInfo>(`CONSUMER.CREATE.${name}`, { stream_name: name, config })
  return info.name
}

/** The work queues of the job that the server has, of all epochs. */
export const taskStreamsOf = async (link: NatsLink, job: string): Promise<{ name: string; epoch: number }[]> => {
  const found = await patiently(link, () =>
    link.api<{ readonly streams: readonly string[] | null }>('STREAM.NAMES', { subject: subjects.tasksOfJob(job) }),
  )
  return (found.streams ?? []).map(name => ({ name, epoch: Number(name.slice(name.lastIndexOf('_') + 1)) }))
}

/** Deletes the stream; one that is not there is what was wanted. */
export const deleteStream = async (link: NatsLink, name: string): Promise<void> => {
  await patiently(link, () => link.api(`STREAM.DELETE.${name}`)).catch(error => {
    if (!isCode(error, JETSTREAM.streamNotFound)) throw error
  })
}

export const pullSubject = (stream: string, consumer: string): string =>
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`

/** The body of a pull. With `heartbeatSeconds` the server says that often that it still has the pull. */
export const pullBody = (batch: number, expiresSeconds: number, heartbeatSeconds?: number): string =>
  JSON.stringify({
    batch,
    expires: Math.round(expiresSeconds * NANOS),
    ...(heartbeatSeconds === undefined ? {} : { idle_heartbeat: Math.round(heartbeatSeconds * NANOS) }),
  })

/** Where a delivered message stands, as its reply subject says: in the stream, and among the consumer's deliveries. */
export const positionOf = (reply: string): { readonly sequence: number; readonly delivery: number } => {
  // $JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.<delivery>.<time>.<pending>, or with <domain>.<account> after ACK.
  const tokens = reply.split('.')
  const at = tokens.length === 9 ? 5 : 7
  return { sequence: Number(tokens[at]), delivery: Number(tokens[at + 1]) }
}

export const isCode = (error: unknown, ...codes: number[]): boolean =>
  error instanceof NatsFailure && codes.includes(error.code)

/** Whether trying again may help: no verdict of the server's was heard. */
export const isPassing = (error: unknown): boolean =>
  error instanceof NatsFailure &&
  (['disconnected', 'timeout', 'no responders'].includes(error.kind) ||
    isCode(error, JETSTREAM.clusterUnavailable, JETSTREAM.streamOffline, JETSTREAM.consumerOffline))

export const pause = (milliseconds: number): Promise<void> => new Promise(resolve => setTimeout(resolve, milliseconds))

/** Why a cluster has stored nothing for long, as far as that can be known from outside. */
const leaderless = ({ kind, message, code }: NatsFailure): NatsFailure =>
  new NatsFailure(kind, `the NATS cluster stores nothing: are more than half of its servers up? (${message})`, code)

/**
 * Smaller gives up while a server restarts, larger lets a dead one hold its callers longer. A cluster takes up to 7 s to
 * replace a leader, for each of several one after the other.
 */
const PATIENCE_MS = { single: 10_000, cluster: 25_000 }

export interface Patience {
  /** Answers after which it may be repeated as well. */
  readonly codes?: readonly number[]
  readonly seconds?: number
  /** Done before it is repeated, while there is a connection; what it throws ends the waiting. */
  readonly between?: (error: NatsFailure) => Promise<void>
}

/** Repeats a call that may be repeated while the server is away, and while it answers with one of `codes`. */
export const patiently = async <T>(
  link: NatsLink,
  call: () => Promise<T>,
  { codes = [], seconds, between }: Patience = {},
): Promise<T> => {
  const mostMs = seconds === undefined ? PATIENCE_MS[link.cluster === undefined ? 'single' : 'cluster'] : seconds * 1000
  const end = performance.now() + mostMs
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!isPassing(error) && !isCode(error, ...codes)) throw error
      if (performance.now() >= end) throw link.cluster === undefined ? error : leaderless(error as NatsFailure)
      if (link.connected) await between?.(error as NatsFailure)
      await (link.connected ? pause(100) : Promise.race([link.whenConnected(), pause(end - performance.now())]))
    }
  }
}
