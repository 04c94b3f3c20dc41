// What a running job says on standard error: on a terminal one live line, elsewhere a plain line each 10 % or 30 s.
// In: the job's Progress, the lines that users' functions print. Out: lines. Always true: at most 10 redraws a second;
// printed lines are never torn by the live one; nothing is drawn after stop().
import type { Clock } from '../../proto/timing.js'
import type { Progress } from '../job.js'
import { formatCount, formatFigure, formatSeconds, plural } from './figures.js'

const REDRAW_MS = 100
// Nothing is said about jobs that are over sooner: the verdict comes at once.
const QUIET_START_SECONDS = 1
// Agents that are there need a moment to be heard.
const PATIENCE_SECONDS = 2
const PLAIN_STEPS = 10
const PLAIN_SECONDS = 30

export interface ProgressLine {
  update(progress: Progress): void
  /** A line of the user's own, above the live line. */
  print(line: string): void
  /** Clears the live line. Idempotent. */
  stop(): void
}

/** Items a second; 0 before the first. What an earlier process has settled took none of this one's time. */
const rateOf = ({ settled, settledBefore = 0, wallSeconds }: Progress): number =>
  wallSeconds > 0 ? (settled - settledBefore) / wallSeconds : 0

const etaOf = (progress: Progress): string => {
  const { settled, total } = progress
  const rate = rateOf(progress)
  if (total === undefined || rate === 0 || settled >= total) return ''
  return `${formatSeconds((total - settled) / rate)} left`
}

/** The state of a job in one line: items, share, rate, time left, failures, slots. */
export const progressText = (progress: Progress): string => {
  if (progress.waiting !== undefined) return `waiting: ${progress.waiting.replace(/^waiting: /, '')}`
  const { settled, failed, total, slots, agents } = progress
  const rate = rateOf(progress)
  const share = total ? ` (${Math.floor((settled / total) * 100)} %)` : ''
  const parts = [
    total === undefined ? plural(settled, 'item') : `${formatCount(settled)} of ${plural(total, 'item')}${share}`,
    rate > 0 ? `${formatFigure(rate)}/s` : '',
    etaOf(progress),
    failed > 0 ? `${formatCount(failed)} failed` : '',
    plural(slots, 'slot') + (agents > 0 ? ` on ${plural(agents, 'agent')}` : ''),
  ]
  return parts.filter(part => part !== '').join(' · ')
}

/** Decides when a stream that is no terminal gets a line. Pure but for the clock. */
export const plainPace = (clock: Clock): ((progress: Progress) => string | undefined) => {
  const started = clock()
  let saidAt = started
  let saidSteps = 0
  let saidWaiting: string | undefined
  return progress => {
    const now = clock()
    const { waiting, total, settled } = progress
    if (waiting !== undefined) {
      if (waiting === saidWaiting && now - saidAt < PLAIN_SECONDS) return undefined
    } else {
      const steps = total ? Math.floor((settled * PLAIN_STEPS) / total) : 0
      const isDue = steps > saidSteps && now - saidAt >= QUIET_START_SECONDS
      if (!isDue && now - saidAt < PLAIN_SECONDS) return undefined
      saidSteps = steps
    }
    saidWaiting = waiting
    saidAt = now
    return progressText(progress)
  }
}

const silentProgress = (write: (text: string) => void): ProgressLine => ({
  update: () => {},
  print: line => write(`${line}\n`),
  stop: () => {},
})

const plainProgress = (name: string, write: (text: string) => void, clock: Clock): ProgressLine => {
  const pace = plainPace(clock)
  let stopped = false
  return {
    update: progress => {
      const text = stopped ? undefined : pace(progress)
      if (text !== undefined) write(`${name}: ${text}\n`)
    },
    print: line => write(`${line}\n`),
    stop: () => {
      stopped = true
    },
  }
}

const liveProgress = async (name: string, stream: NodeJS.WriteStream, clock: Clock): Promise<ProgressLine> => {
  const { createLogUpdate } = await import('log-update')
  const live = createLogUpdate(stream)
  let latest: { progress: Progress; at: number } | undefined
  let changed = false
  let drawnAt = Number.NEGATIVE_INFINITY
  const draw = (): void => {
    if (!latest) return
    // Between two reports the clock goes on, once a second.
    const idleSeconds = clock() - latest.at
    if (!changed && clock() - drawnAt < 1) return
    changed = false
    drawnAt = clock()
    const progress = { ...latest.progress, wallSeconds: latest.progress.wallSeconds + Math.floor(idleSeconds) }
    const width = Math.max(20, (stream.columns ?? 80) - 1)
    live(`${name}  ${progressText(progress)}`.slice(0, width))
  }
  const timer = setInterval(draw, REDRAW_MS)
  timer.unref()
  let stopped = false
  return {
    update: progress => {
      latest = { progress, at: clock() }
      changed = true
    },
    print: line => {
      if (!stopped) live.clear()
      stream.write(`${line}\n`)
      changed = true
    },
    stop: () => {
      if (stopped) return
      stopped = true
      clearInterval(timer)
      live.clear()
      live.done()
    },
  }
}

export interface ProgressOptions {
  readonly name: string
  readonly stream: NodeJS.WriteStream
  readonly quiet: boolean
  readonly clock: Clock
  readonly env: NodeJS.ProcessEnv
  /** Results go to the same terminal as they come: a line that erases itself would take theirs along. */
  readonly isShared?: boolean
  /** What to do when nothing runs, in a few words; without one, waiting is not worth a word. */
  readonly waitingHint?: string | undefined
}

/** The progress without a `waiting` that is not worth a word, or with what to do about it. */
const withHint = (progress: Progress, hint: string | undefined): Progress => {
  const { waiting, ...rest } = progress
  if (waiting === undefined || hint === undefined || progress.wallSeconds < PATIENCE_SECONDS) return rest
  return { ...rest, waiting: waiting.includes(hint) ? waiting : `${waiting} (${hint})` }
}

export const openProgress = async (options: ProgressOptions): Promise<ProgressLine> => {
  const line = await openLine(options)
  return { ...line, update: progress => line.update(withHint(progress, options.waitingHint)) }
}

const openLine = async ({ name, stream, quiet, clock, env, isShared }: ProgressOptions): Promise<ProgressLine> => {
  const write = (text: string): void => {
    stream.write(text)
  }
  if (quiet) return silentProgress(write)
  const isLive = stream.isTTY && env.TERM !== 'dumb' && !isShared
  return isLive ? liveProgress(name, stream, clock) : plainProgress(name, write, clock)
}
