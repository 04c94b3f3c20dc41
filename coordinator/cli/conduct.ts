// A job from its start to its verdict: progress while it runs, Ctrl-C, a reader that went away, the receipt, the exit code.
// In: how to start the job, and where to speak. Out: lines on standard error, an exit code. Always true: standard output
// is left to the job's results; the hands are closed before this resolves.
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { JobEnd, Progress } from '../job.js'
import type { Receipt } from '../receipt.js'
import { paintFor } from './colour.js'
import { EXIT, Fault, type FaultCode, messageOf, renderFault } from './fault.js'
import { onInterrupt } from './interrupt.js'
import type { ProgressLine } from './progress.js'
import { figuresOfReceipt, type Requirement, unmet } from './requirement.js'
import { renderVerdict } from './verdict.js'

export interface Watch {
  readonly signal: AbortSignal
  readonly onProgress: (progress: Progress) => void
}

export interface Conduct {
  readonly start: (watch: Watch) => Promise<JobEnd>
  /** Ends the hands, whatever they do. */
  readonly close: () => Promise<void>
  /** How long a job may take to cancel itself when nobody reads its results any more. */
  readonly hangupSeconds: number
  readonly progress: ProgressLine
  /** Items, where the number is known before the job. */
  readonly total: number | undefined
  readonly tagged: boolean
  readonly quiet: boolean
  readonly verbose: boolean
  /** The receipt as the last line of standard error. */
  readonly json: boolean
  readonly receiptFile?: string | undefined
  /** What the job is held to. */
  readonly requirements?: readonly Requirement[] | undefined
  /** Called with an end that is whole, when all was said. */
  readonly onDone?: (end: JobEnd) => Promise<void>
  /** What became of an output that was not committed, or what can be done about items that failed, in a sentence. */
  readonly kept?: (end: JobEnd) => string | undefined
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WriteStream
  readonly env: NodeJS.ProcessEnv
}

export interface Conducted {
  readonly end: JobEnd | undefined
  readonly exitCode: number
}

export const exitCodeOf = (end: JobEnd): number =>
  ({
    done: end.failed > 0 ? EXIT.someFailed : EXIT.done,
    stopped: EXIT.someFailed,
    interrupted: EXIT.interrupted,
    broken: EXIT.notRun,
  })[end.state]

const CODE_OF: Readonly<Partial<Record<JobEnd['state'], FaultCode>>> = {
  stopped: 'MH-JOB-STOPPED',
  interrupted: 'MH-INTERRUPTED',
  broken: 'MH-JOB-BROKEN',
}

/** The end as people read it: the reason carries the code that docs/errors.md explains. */
const withCode = (end: JobEnd): JobEnd => {
  const code = CODE_OF[end.state]
  if (code === undefined) return end
  return { ...end, why: `${end.why ?? 'It was asked to end before its last item.'} [${code}]` }
}

export const writeReceipt = (file: string, receipt: Receipt): void => {
  try {
    writeFileSync(file, `${JSON.stringify(receipt, undefined, 2)}\n`)
  } catch (error) {
    throw new Fault('MH-RECEIPT', `cannot write the receipt to ${file}: ${messageOf(error)}`, undefined, error)
  }
}

/** Aborts when the reader of standard output went away (`| head`). */
export const readerGone = (stdout: NodeJS.WritableStream): AbortSignal => {
  const gone = new AbortController()
  // It stays for good: an error that nobody listens to would end the process with a stack.
  stdout.on('error', error => {
    if (isHangup(error)) gone.abort()
  })
  return gone.signal
}

const isHangup = (error: unknown): boolean => (error as NodeJS.ErrnoException | undefined)?.code === 'EPIPE'

/** What a job that ran to its end does not keep of what is required of it. */
export const missedBy = (end: JobEnd, { requirements = [] }: Pick<Conduct, 'requirements'>): string[] =>
  end.state === 'done' ? unmet(requirements, figuresOfReceipt(end.receipt, end.failed)) : []

const sayEnd = (end: JobEnd, conduct: Conduct): void => {
  const { stderr, quiet, tagged, total, verbose } = conduct
  const whole = end.state === 'done'
  if (!quiet || !whole || end.failed > 0) {
    const kept = conduct.kept?.(end)
    const options = { paint: paintFor(stderr, conduct.env), total, tagged, kept, verbose, quiet }
    stderr.write(renderVerdict(withCode(end), options))
  }
  for (const what of missedBy(end, conduct)) stderr.write(`manyhands: ${what} [MH-REQUIREMENT]\n`)
  if (conduct.receiptFile !== undefined) writeReceipt(conduct.receiptFile, end.receipt)
}

/** Runs the job to its end and says how it went. */
export const conductJob = async (conduct: Conduct): Promise<Conducted> => {
  const { progress, stderr } = conduct
  const stop = new AbortController()
  const interrupt = onInterrupt(signal => {
    const name = signal === 'SIGINT' ? 'Ctrl-C' : signal
    progress.print(`${name}: finishing what runs, then writing what is settled; once more ends at once`)
    stop.abort()
  })
  const gone = readerGone(conduct.stdout)
  let told: Promise<unknown> | undefined
  let receipt: Receipt | undefined
  const ending = conduct.start({ signal: stop.signal, onProgress: update => progress.update(update) })
  try {
    const hangup = once(gone, 'abort').then(() => 'gone' as const)
    const first = await Promise.race([ending, hangup])
    if (first === 'gone' || gone.aborted) {
      // Nobody reads: a Unix tool ends without a word.
      stop.abort()
      await Promise.race([ending.catch(() => {}), sleep(conduct.hangupSeconds * 1000)])
      return { end: undefined, exitCode: EXIT.done }
    }
    progress.stop()
    sayEnd(first, conduct)
    receipt = first.receipt
    // While the hands are closed; nobody fails for what could not be remembered.
    if (first.state === 'done') told = conduct.onDone?.(first).catch(() => {})
    const exitCode = exitCodeOf(first)
    const isMissed = exitCode === EXIT.done && missedBy(first, conduct).length > 0
    return { end: first, exitCode: isMissed ? EXIT.notMet : exitCode }
  } catch (error) {
    if (gone.aborted) return { end: undefined, exitCode: EXIT.done }
    throw error
  } finally {
    progress.stop()
    await conduct.close().catch(error => {
      stderr.write(
        renderFault(new Fault('MH-INTERNAL', `closing: ${messageOf(error)}`, undefined, error), conduct.verbose),
      )
    })
    await told
    interrupt.stop()
    // A worker's last words come when it is closed, and this is the last line.
    if (conduct.json && receipt) stderr.write(`${JSON.stringify(receipt)}\n`)
  }
}
