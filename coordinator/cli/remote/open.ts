// The daemon that --coordinator names: whether a command is for it, the connection, and what it refuses as faults. In: settings.
// Out: a Desk for the time of a command. Always true: what the daemon refuses is a fault with a code; code and results leave this
// machine without encryption only where that was allowed.
import { isLoopback } from '../../../proto/transport/url.js'
import { type Desk, type DeskCode, DeskError } from '../../serve/desk.js'
import { Fault, type FaultCode } from '../fault.js'
import type { OptionKey } from '../options.js'
import type { Settings } from '../settings.js'
import { textOfAddress } from '../values.js'

/** Options of this machine alone: beside a daemon of the same origin they contradict it, and the nearer one says where. */
const HERE: readonly OptionKey[] = ['nats', 'job', 'state', 'explain', 'retryFailed']

/** Whether the command is for a daemon. Drops what was said farther away and contradicts it. */
export const isRemote = (settings: Settings): boolean => {
  if (!settings.has('coordinator')) return false
  const place = settings.get('place')
  if (place === 'inline' || place === 'local')
    settings.exclude(['place', 'coordinator'], `--place ${place} uses this machine alone`)
  for (const key of HERE) settings.exclude([key, 'coordinator'], 'the jobs of a daemon are not those of this machine')
  return settings.has('coordinator')
}

/** These say nothing to a daemon: an error as flags, dropped from farther away. */
export const refuseHere = (settings: Settings, keys: readonly OptionKey[], advice?: string): void => {
  for (const key of keys) settings.refuse(key, `says nothing with ${settings.at('coordinator')}`, advice)
}

/** These say nothing without one. */
export const refuseElsewhere = (settings: Settings, keys: readonly OptionKey[]): void => {
  for (const key of keys) settings.refuse(key, 'says nothing without --coordinator: it is for the jobs of a daemon')
}

const CODES: Readonly<Record<DeskCode, FaultCode>> = {
  JOB_UNKNOWN: 'MH-JOB-UNKNOWN',
  JOB_STATE: 'MH-JOB-STATE',
  AGENT_UNKNOWN: 'MH-AGENT-UNKNOWN',
  ASKED: 'MH-JOB-ASKED',
  BUSY: 'MH-COORDINATOR-BUSY',
  STORE: 'MH-COORDINATOR-STORE',
  UNREACHABLE: 'MH-COORDINATOR',
  ENDING: 'MH-COORDINATOR',
}

const ADVICE: Readonly<Partial<Record<DeskCode, string>>> = {
  UNREACHABLE:
    'Is it running? manyhands serve --nats URL starts one; --coordinator takes several addresses with commas.',
  ENDING: 'Ask another one: --coordinator takes several addresses with commas.',
  BUSY: 'Try again later.',
  STORE: 'Try again when NATS answers: manyhands doctor --nats URL looks closer.',
}

/** What a desk refused, for people; anything else as it is. */
export const deskFault = (error: unknown, more?: string): unknown => {
  if (!(error instanceof DeskError)) return error
  const where = error.field === undefined ? '' : ` (${error.field})`
  const advice = [ADVICE[error.code], more].filter(Boolean).join('\n') || undefined
  return new Fault(CODES[error.code], `${error.message}${where}`, advice, error)
}

const checkAddresses = (settings: Settings): string => {
  const addresses = settings.get('coordinator')
  if (addresses === undefined)
    throw new Fault(
      'MH-USAGE-MISSING',
      '--coordinator is missing: which coordinator daemon?',
      'For instance --coordinator 127.0.0.1:4270 (manyhands serve --nats URL starts one).',
    )
  const exposed = addresses.find(address => !isLoopback(address.host))
  if (exposed !== undefined && !settings.isOn('insecure'))
    throw new Fault(
      'MH-COORDINATOR-INSECURE',
      `${settings.at('coordinator')}: code and data would go to ${textOfAddress(exposed)} unprotected`,
      'Use a tunnel (ssh -L 4270:127.0.0.1:4270 HOST), or allow it with --insecure on a network that you trust.',
    )
  return addresses.map(textOfAddress).join(',')
}

/** Connects for the time of `run`. */
export const withDesk = async <T>(settings: Settings, run: (desk: Desk) => Promise<T>): Promise<T> => {
  const addresses = checkAddresses(settings)
  const { openClient } = await import('../../client.js')
  try {
    const desk = await openClient(addresses)
    try {
      return await run(desk)
    } finally {
      desk.close()
    }
  } catch (error) {
    throw deskFault(error)
  }
}
