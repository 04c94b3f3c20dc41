// What a NATS server or cluster can keep, found out by asking it to: a stream is made with as many replicas as it takes, and deleted.
// In: an address. Out: the most replicas, and how the servers that keep them are.
// Always true: no stream is left where the servers hear us, and what an earlier survey had to leave is deleted; it ends within
// some 15 seconds.
import { randomBytes } from 'node:crypto'
import type { NatsLink } from './nats.js'
import { connectNats } from './nats-connect.js'
import { NatsFailure, ReplicasError } from './nats-failure.js'
import { createStream, deleteStream, pause, type StreamInfo } from './nats-streams.js'
import type { NatsOptions } from './url.js'

export interface Survey {
  /** The cluster's name; undefined of a single server. */
  readonly cluster: string | undefined
  /** 0: nothing can be stored now. */
  readonly mostReplicas: 0 | 1 | 3 | 5
  /** The servers that were to keep the stream and do not follow: down, or far behind. */
  readonly behind: readonly string[]
  /** Why nothing can be stored. */
  readonly why?: string
}

/** Smaller takes a cluster that chooses a leader for one that has none, larger keeps people waiting. */
const PATIENCE_MS = 10_000
/** A server that is up follows a new stream within so long. */
const FOLLOW_MS = 2000
const UNRESERVED = -1
/** A survey's stream that is older than any survey takes: servers without a majority may make it after its survey has gone. */
const STALE_MS = 20_000

/** Rejects when there is no server, or none that lets us in. */
export const surveyNats = async (options: NatsOptions): Promise<Survey> => {
  const link = await connectNats(options, 'manyhands doctor', '_INBOX.c')
  const token = randomBytes(6).toString('hex')
  const name = `MH_D_${token}`
  const { cluster } = link
  try {
    return await Promise.race([most(link, name, `mh.doctor.${token}`), tooLate()])
  } catch (error) {
    return { cluster, mostReplicas: 0, behind: [], why: (error as Error).message }
  } finally {
    await link.api(`STREAM.DELETE.${name}`).catch(() => {})
    await link.close()
  }
}

const most = async (link: NatsLink, name: string, subject: string): Promise<Survey> => {
  const { cluster } = link
  for (const replicas of [5, 3, 1] as const) {
    if (replicas > 1 && cluster === undefined) continue
    try {
      const { created } = await createStream(link, {
        name,
        subject,
        retention: 'limits',
        replicas,
        limits: [UNRESERVED],
      })
      await clearStale(link, created).catch(() => {})
      return { cluster, mostReplicas: replicas, behind: replicas > 1 ? await behind(link, name) : [] }
    } catch (error) {
      if (!(error instanceof ReplicasError)) throw error
    }
  }
  throw new NatsFailure('refused', 'not even one server takes a stream')
}

/** By the servers' own clock. */
const clearStale = async (link: NatsLink, now: string): Promise<void> => {
  const { streams } = await link.api<{ readonly streams: readonly (StreamInfo & { config: { name: string } })[] }>(
    'STREAM.LIST',
    { subject: 'mh.doctor.*' },
  )
  for (const { config, created } of streams)
    if (Date.parse(now) - Date.parse(created) > STALE_MS) await deleteStream(link, config.name)
}

const behind = async (link: NatsLink, name: string): Promise<string[]> => {
  const untilMs = performance.now() + FOLLOW_MS
  for (;;) {
    const { cluster } = await link.api<StreamInfo>(`STREAM.INFO.${name}`)
    const late = (cluster?.replicas ?? []).filter(({ current, offline }) => !current || offline)
    if (late.length === 0 || performance.now() >= untilMs) return late.map(server => server.name).sort()
    await pause(100)
  }
}

const tooLate = async (): Promise<never> => {
  await new Promise(resolve => setTimeout(resolve, PATIENCE_MS).unref())
  throw new NatsFailure('timeout', `no stream could be made within ${PATIENCE_MS / 1000} s`)
}
