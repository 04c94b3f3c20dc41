// How a daemon's job ended, as `map` says it of its own: a line, the failures, the account, an exit code. In: a job's details.
// Out: text for standard error. Always true: a job that has not ended has no end; cancelled is told from broken.
import type { JobEnd } from '../../job.js'
import type { Receipt } from '../../receipt.js'
import type { JobDetail, JobView, ViewState } from '../../serve/desk.js'
import { paintFor } from '../colour.js'
import { missedBy, writeReceipt } from '../conduct.js'
import { EXIT, type FaultCode } from '../fault.js'
import type { Requirement } from '../requirement.js'
import { type Ended, renderVerdict } from '../verdict.js'
import type { Speech } from './speech.js'

export type EndState = Exclude<ViewState, 'waiting' | 'running'>

export const hasEnded = (view: JobView): view is JobView & { readonly state: EndState } =>
  view.state !== 'waiting' && view.state !== 'running'

const STATES: Readonly<Record<EndState, { readonly state: JobEnd['state']; readonly code?: FaultCode }>> = {
  done: { state: 'done' },
  stopped: { state: 'stopped', code: 'MH-JOB-STOPPED' },
  cancelled: { state: 'broken', code: 'MH-JOB-CANCELLED' },
  broken: { state: 'broken', code: 'MH-JOB-BROKEN' },
}

export const endOf = ({ view, receipt, failures }: JobDetail): Ended => {
  const { id, name, settled, failed, wallSeconds, why } = view
  const { state, code } = hasEnded(view) ? STATES[view.state] : STATES.broken
  return {
    job: id,
    state,
    settled,
    failed,
    failures,
    ...(code !== undefined && { why: `${why || 'It was ended before its last item.'} [${code}]` }),
    receipt: receipt ?? { name, items: settled, wall_seconds: wallSeconds },
  }
}

const withReceipt = (end: Ended): JobEnd | undefined => {
  const { receipt } = end
  return 'schema' in receipt ? { ...end, receipt } : undefined
}

export interface EndOptions {
  readonly quiet: boolean
  readonly verbose: boolean
  readonly tagged: boolean
  /** What is wanted is the results: the account is left out. */
  readonly brief?: boolean
  readonly requirements?: readonly Requirement[] | undefined
  readonly receiptFile?: string | undefined
  /** The receipt as the last line. */
  readonly json: boolean
  /** What can be done about it, in a sentence. */
  readonly kept?: string | undefined
}

const exitCodeOf = ({ state, failed }: Ended): number => {
  if (state === 'broken') return EXIT.notRun
  return state === 'done' && failed === 0 ? EXIT.done : EXIT.someFailed
}

/** Says how it ended; the exit code. */
export const sayEnd = (detail: JobDetail, options: EndOptions, { stderr, env }: Speech): number => {
  const { view } = detail
  const end = endOf(detail)
  const { quiet, verbose, tagged, kept, brief = false } = options
  if (!quiet || end.state !== 'done' || end.failed > 0) {
    const how = view.state === 'cancelled' ? 'cancelled' : undefined
    const paint = paintFor(stderr, env)
    stderr.write(renderVerdict(end, { paint, total: view.items, tagged, kept, verbose, quiet: quiet || brief, how }))
  }
  const whole = withReceipt(end)
  const missed = whole === undefined ? [] : missedBy(whole, options)
  for (const what of missed) stderr.write(`manyhands: ${what} [MH-REQUIREMENT]\n`)
  tellReceipt(whole?.receipt, options, stderr)
  const exitCode = exitCodeOf(end)
  return exitCode === EXIT.done && missed.length > 0 ? EXIT.notMet : exitCode
}

const tellReceipt = (
  receipt: Receipt | undefined,
  { receiptFile, json }: EndOptions,
  stderr: NodeJS.WriteStream,
): void => {
  if (receipt === undefined) return
  if (receiptFile !== undefined) writeReceipt(receiptFile, receipt)
  if (json) stderr.write(`${JSON.stringify(receipt)}\n`)
}
