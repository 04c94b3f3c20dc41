// A daemon's job for as long as a command is at it: how far it is, its results, Ctrl-C, a reader that went away. In: a Desk, a job.
// Out: how the command's part ended. Always true: the job is left as it is; when this resolves nothing is asked of the daemon any
// more.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Progress } from '../../job.js'
import { OutputClosed } from '../../output/stream.js'
import type { Desk, DeskError, JobView } from '../../serve/desk.js'
import { readerGone } from '../conduct.js'
import { onInterrupt } from '../interrupt.js'
import type { ProgressLine } from '../progress.js'
import { hasEnded } from './end.js'
import { type Patience, patience, steadyViews } from './steady.js'

/** `left`: by Ctrl-C; `unread`: nobody reads standard output any more. */
export type Followed = 'ended' | 'left' | 'unread'

/** Ctrl-C and its kin, from before a job is submitted until its end is told. */
export interface Leaving {
  /** Aborted by the first. */
  readonly signal: AbortSignal
  /** Idempotent. */
  stop(): void
}

export const onLeave = (): Leaving => {
  const asked = new AbortController()
  const interrupt = onInterrupt(() => asked.abort())
  return { signal: asked.signal, stop: interrupt.stop }
}

export const progressOf = (view: JobView): Progress => ({
  settled: view.settled,
  failed: view.failed,
  total: view.items,
  slots: view.slots,
  agents: 0,
  wallSeconds: view.wallSeconds,
  ...(view.state === 'waiting' && view.why && { waiting: view.why }),
})

export interface Following {
  readonly desk: Desk
  readonly job: string
  readonly leaving: Leaving
  readonly progress: ProgressLine
  readonly stdout: NodeJS.WritableStream
  readonly onView?: (view: JobView) => void
  /** What is done with the results; undefined where they are not wanted. */
  readonly results?: (signal: AbortSignal, patience: Patience) => Promise<void>
  /** The results are all that is waited for: they may end before the job does. */
  readonly isResultsOnly?: boolean
}

// What a stream may take to notice that nobody wants it any more.
const LETTING_GO_SECONDS = 1

const watchToEnd = async (
  { desk, job, progress, onView }: Following,
  signal: AbortSignal,
  how: Patience,
): Promise<void> => {
  for await (const view of steadyViews(desk, job, signal, how)) {
    onView?.(view)
    if (!hasEnded(view)) progress.update(progressOf(view))
  }
}

export const follow = async (following: Following): Promise<Followed> => {
  const { leaving, progress, stdout, results, isResultsOnly = false } = following
  const stop = new AbortController()
  const gone = readerGone(stdout)
  const how = patience((error: DeskError) =>
    progress.print(`manyhands: ${error.message}: trying again for half a minute`),
  )
  const work = Promise.all([
    isResultsOnly ? undefined : watchToEnd(following, stop.signal, how),
    results?.(stop.signal, how),
  ]).then(() => 'ended' as const)
  const heard = (signal: AbortSignal): Promise<unknown> =>
    signal.aborted ? Promise.resolve() : once(signal, 'abort', { signal: stop.signal })
  try {
    return await Promise.race([
      work,
      heard(leaving.signal).then(() => 'left' as const),
      heard(gone).then(() => 'unread' as const),
    ])
  } catch (error) {
    if (gone.aborted || error instanceof OutputClosed) return 'unread'
    throw error
  } finally {
    stop.abort()
    progress.stop()
    await Promise.race([work.catch(() => {}), sleep(LETTING_GO_SECONDS * 1000, undefined, { ref: false })])
  }
}
