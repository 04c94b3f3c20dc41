// An agent as a daemon: an Agent on a NATS server. In: its URL and this host. Out: a RunningAgent.
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { type Log, lineLog } from '../proto/log.js'
import { toToken } from '../proto/subjects.js'
import { monotonicSeconds } from '../proto/timing.js'
import { openAgentTransport } from '../proto/transport/open.js'
import { Agent } from './agent.js'
import { BundleCache, LINGER_SECONDS } from './bundles.js'
import { startWorker } from './process.js'
import { defaultSlots } from './slots.js'

export interface StartAgentOptions {
  readonly nats: string
  /** By default the host's name. A few random characters are added, so that it is unique among the agents of a server. */
  readonly name?: string
  readonly slots?: number
  /** Allows plain nats:// beyond loopback. */
  readonly insecure?: boolean
  readonly cacheFolder?: string
  /** Offered to jobs that need them. */
  readonly labels?: readonly string[]
  readonly onPrint?: (line: string) => void
  readonly log?: Log
}

export interface RunningAgent {
  readonly name: string
  readonly slots: number
  /** Takes no more, finishes what it holds for at most `graceSeconds`, gives back the rest. Idempotent. */
  drain(graceSeconds: number): Promise<void>
  /** Resolves when a coordinator asks it to finish what it holds and to end, with that coordinator's name. */
  readonly drainAsked: Promise<string>
  /** Ends at once. Idempotent. */
  stop(): Promise<void>
  /** Resolves when the connection is gone for good, with the reason, or when the agent has ended. */
  readonly ended: Promise<Error | undefined>
}

/** Leaves room in a token for what is added. */
const NAME_LENGTH = 56

export const startAgent = async (options: StartAgentOptions): Promise<RunningAgent> => {
  // Each start is an agent of its own: under one name, the beats of a restarted one would count as old ones of the first.
  const name = `${toToken(options.name ?? hostname()).slice(0, NAME_LENGTH)}-${randomBytes(3).toString('hex')}`
  const slots = options.slots ?? defaultSlots().slots
  const writeLine = (line: string): boolean => process.stderr.write(`${line}\n`)
  const transport = await openAgentTransport({ url: options.nats, insecure: options.insecure ?? false }, name)
  let onDrainAsked: (by: string) => void = () => {}
  const drainAsked = new Promise<string>(resolve => {
    onDrainAsked = resolve
  })
  const agent = new Agent({
    onDrainAsked,
    ...(options.labels !== undefined && { labels: options.labels }),
    depth: 2,
    name,
    slots,
    transport,
    cache: new BundleCache({
      lingerSeconds: LINGER_SECONDS,
      ...(options.cacheFolder !== undefined && { folder: options.cacheFolder }),
    }),
    clock: monotonicSeconds,
    log: options.log ?? lineLog(line => process.stderr.write(line)),
    startWorker,
    onPrint: options.onPrint ?? writeLine,
    cwd: process.cwd(),
  })
  agent.start()
  return {
    name,
    slots,
    drainAsked,
    drain: graceSeconds => agent.drain(graceSeconds),
    stop: () => agent.stop(),
    ended: transport.closed,
  }
}
