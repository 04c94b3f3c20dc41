// Where a job runs, as --place, --nats and --slots say it together. In: settings. Out: a Place, and the Hands there.
// Always true: no secret of a URL is in a message; plain nats:// stays on this machine unless it was allowed.
import { type Log, lineLog } from '../../proto/log.js'
import type { RunnerName } from '../../proto/shard.js'
import { type NatsAddress, parseNatsUrl } from '../../proto/transport/url.js'
import type { Hands } from '../job.js'
import { Fault, messageOf } from './fault.js'
import type { Settings } from './settings.js'

export type Place =
  | { readonly place: 'inline' }
  | { readonly place: 'local' }
  | { readonly place: 'cluster'; readonly nats: CheckedNats }

/** A URL that may be used, as it was given and taken apart. */
export interface CheckedNats extends NatsAddress {
  readonly url: string
}

/** The server of --nats. Plain nats:// beyond this machine carries what anybody on the way can read and change. */
export const checkNats = (settings: Settings): CheckedNats => {
  const url = settings.get('nats')
  if (url === undefined) {
    throw new Fault(
      'MH-USAGE-MISSING',
      '--nats is missing: which NATS server?',
      'For instance --nats nats://127.0.0.1:4222 (manyhands up starts one on this machine).',
    )
  }
  try {
    return { url, ...parseNatsUrl(url, settings.isOn('insecure')) }
  } catch (error) {
    throw new Fault('MH-NATS-INSECURE', `${settings.at('nats')}: ${messageOf(error)}`, undefined, error)
  }
}

/** Copies are a NATS cluster's: elsewhere they say nothing. */
export const refuseReplicas = (settings: Settings): void =>
  settings.refuse('replicas', 'says nothing without --nats: it is how many servers of a NATS cluster keep a queue')

/** Many jobs share the slots of agents; a job on this machine has those that it asks for. */
const refuseShares = (settings: Settings): void => {
  for (const key of ['weight', 'priority', 'maxSlots', 'needs'] as const)
    settings.refuse(key, 'says nothing without --nats: it is about the agents that many jobs share')
}

/** Where the job runs: what --place and --nats say together. */
export const placeOf = (settings: Settings): Place => {
  const place = wherePlaced(settings)
  if (place.place !== 'cluster') {
    refuseReplicas(settings)
    refuseShares(settings)
  }
  return place
}

const wherePlaced = (settings: Settings): Place => {
  const place = settings.get('place') ?? 'auto'
  if (place === 'inline') {
    const alone = 'says nothing with --place inline: the command itself is the only worker'
    settings.exclude(['place', 'nats'], '--place inline uses this process alone')
    settings.refuse('slots', alone)
    settings.refuse(
      'timeout',
      'cannot hold with --place inline: only a worker can be ended when an item takes too long',
    )
    settings.refuse('shardSize', alone)
    settings.refuse('concurrency', 'says nothing with --place inline: it is how many items a worker has in progress')
    return { place: 'inline' }
  }
  if (place === 'local') settings.exclude(['place', 'nats'], '--place local uses this machine alone')
  const goes = settings.get('place') ?? 'auto'
  if (goes === 'local' || !settings.has('nats')) {
    if (goes === 'cluster') {
      throw new Fault(
        'MH-USAGE-MISSING',
        `${settings.at('place')} is cluster, but --nats URL is missing`,
        'manyhands up starts a cluster on this machine.',
      )
    }
    return { place: 'local' }
  }
  settings.refuse(
    'slots',
    'says nothing with --nats: the agents that joined have their slots',
    'Set it where an agent is started: manyhands agent --slots N.',
  )
  return { place: 'cluster', nats: checkNats(settings) }
}

export interface HandsOptions {
  readonly slots?: number
  readonly runner?: RunnerName
  /** The file of a job's reports, where they are to outlive this process. */
  readonly reportFile?: (job: string) => string | undefined
}

const openReports = async (file: string | undefined, log: Log) => {
  if (file === undefined) return undefined
  const { ReportFile } = await import('../../proto/transport/report-file.js')
  return ReportFile.open(file, log)
}

export const natsFault = (settings: Settings, { display }: NatsAddress, error: unknown): Fault => {
  const why = messageOf(error)
  if ((error as { code?: unknown }).code === 'NATS_REPLICAS') {
    const advice = 'Ask for fewer, or start more servers: manyhands doctor --nats URL says what survives what.'
    return new Fault(
      'MH-NATS-REPLICAS',
      `${settings.at('replicas')} cannot be had at ${display}: ${why}`,
      advice,
      error,
    )
  }
  const advice = 'Is the server up? manyhands doctor --nats URL looks closer.'
  return new Fault('MH-NATS', `no work can be handed out over ${display}: ${why}`, advice, error)
}

/**
 * Opens the hands that the settings name. `onPrint` gets what users' functions print on this machine. With a `runner`, its first
 * worker on this machine is started at once, so that it comes up while the rest of this process does.
 */
export const openHands = async (
  settings: Settings,
  place: Place,
  onPrint: (line: string) => void,
  { slots, runner, reportFile }: HandsOptions = {},
): Promise<Hands> => {
  const log = lineLog(text => onPrint(text.trimEnd()), settings.isOn('verbose') ? 'debug' : 'warn')
  if (place.place === 'inline') return (await import('./inline.js')).openInline()
  if (place.place === 'local') {
    const ahead = runner === undefined ? {} : { startWorker: (await import('../../agent/ahead.js')).startAhead(runner) }
    const { openLocal } = await import('../local.js')
    const count = slots ?? settings.get('slots')
    const reportStore = reportFile && (async (job: string) => openReports(reportFile(job), log))
    const hands = openLocal({
      onPrint,
      log,
      ...ahead,
      ...(reportStore && { reportStore }),
      ...(count === undefined ? {} : { slots: count }),
    })
    if (runner === undefined) return hands
    // The baseline of the job to come.
    const claim = hands.claim(runner)
    void claim.workers(1)
    claim.release()
    return hands
  }
  const { openCluster } = await import('../cluster.js')
  try {
    const replicas = Number(settings.get('replicas') ?? 1)
    return await openCluster({ nats: place.nats.url, insecure: settings.isOn('insecure'), replicas, log })
  } catch (error) {
    throw natsFault(settings, place.nats, error)
  }
}
