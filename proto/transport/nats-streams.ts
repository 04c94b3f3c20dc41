// The streams of a job on the server, as JetStream's API wants them: fields that 2.9.10 knows and that the strict API of
// newer servers accepts, and no others.
// Always true: whatever of this vanishes costs recomputing, never correctness (design.md, section 6).
import { subjects } from '../subjects.js'
import type { NatsLink } from './nats.js'
import { NatsFailure } from './nats-failure.js'

/** JetStream's own numbers for what we meet. */
export const JETSTREAM = {
  clusterUnavailable: 10008,
  consumerNotFound: 10014,
  streamNameInUse: 10058,
  streamNotFound: 10059,
  storageExceeded: 10047,
} as const

/** How long a delivery to a dead agent hides a task. Shorter re-delivers to busy hosts, longer stalls after a death. */
export const ACK_WAIT_SECONDS = 5

const MIB = 1024 * 1024
const NANOS = 1e9
/** No limit but the store's own: many jobs share what is left of it, and a full one makes all of them wait. */
const UNRESERVED = -1

/**
 * A full queue makes offers wait: two shards of 256 KiB for each of 64 slots fill it. The server reserves it for the
 * stream, so that larger leaves room for fewer jobs; where there is no room, less is tried. A byte less than round: a
 * store whose last byte is reserved refuses even a stream that reserves nothing.
 */
const TASK_BYTES = [32 * MIB - 1, 8 * MIB - 1, UNRESERVED]
/** Full means that agents keep their reports until the coordinator has committed and trimmed. */
const REPORT_BYTES = [256 * MIB - 1, 64 * MIB - 1, UNRESERVED]

export interface StreamInfo {
  readonly created: string
  readonly state: { readonly messages: number; readonly first_seq: number; readonly last_seq: number }
}

export interface ConsumerInfo {
  readonly name: string
  readonly delivered: { readonly stream_seq: number }
}

const createStream = async (link: NatsLink, name: string, subject: string, retention: string, limits: number[]) => {
  let refusal: unknown
  for (const maxBytes of limits) {
    const config = {
      name,
      subjects: [subject],
      retention,
      storage: 'file',
      num_replicas: 1,
      max_consumers: -1,
      max_msgs: -1,
      max_bytes: maxBytes,
      max_age: 0,
      discard: 'new',
    }
    try {
      return await patiently(link, () => link.api<StreamInfo>(`STREAM.CREATE.${name}`, config))
    } catch (error) {
      // It was made before, with what was free then.
      if (isCode(error, JETSTREAM.streamNameInUse)) return await link.api<StreamInfo>(`STREAM.INFO.${name}`)
      if (!isCode(error, JETSTREAM.storageExceeded)) throw error
      refusal = error
    }
  }
  throw new Error(`JetStream has no room for the stream ${name}: raise max_file_store in the server's configuration`, {
    cause: refusal,
  })
}

/** The work queue of (job, epoch) with its one durable consumer. */
export const createTaskStream = async (link: NatsLink, job: string, epoch: number): Promise<void> => {
  const name = subjects.taskStream(job, epoch)
  await createStream(link, name, subjects.task(job, epoch), 'workqueue', TASK_BYTES)
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
  }
  await patiently(link, () =>
    link.api(`CONSUMER.DURABLE.CREATE.${name}.${subjects.taskConsumer}`, { stream_name: name, config }),
  )
}

export const createReportStream = (link: NatsLink, job: string): Promise<StreamInfo> =>
  createStream(link, subjects.reportStream(job), subjects.reportsOfJob(job), 'limits', REPORT_BYTES)

/** A passing reader of the reports after `sequence`; the server forgets it soon after its last pull. */
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
  (['disconnected', 'timeout', 'no responders'].includes(error.kind) || error.code === JETSTREAM.clusterUnavailable)

export const pause = (milliseconds: number): Promise<void> => new Promise(resolve => setTimeout(resolve, milliseconds))

/** Smaller gives up while a server restarts, larger lets a dead one hold its callers longer. */
const PATIENCE_MS = 10_000

/** Repeats a call that may be repeated while the server is away, for ten seconds. */
const patiently = async <T>(link: NatsLink, call: () => Promise<T>): Promise<T> => {
  const end = performance.now() + PATIENCE_MS
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!isPassing(error) || performance.now() >= end) throw error
      await (link.connected ? pause(100) : Promise.race([link.whenConnected(), pause(end - performance.now())]))
    }
  }
}
