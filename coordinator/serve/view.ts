// A job as callers see it, from what a daemon knows of it. Pure. In: what is known; why this daemon does not run it, where it has it. Out:
// a view. Always true: one that arrives may never be whole, and one that leaves will be gone: both are shown to nobody.
import type { Known } from './book.js'
import type { JobView } from './desk.js'
import { isEnd, type JobRecord } from './job-record.js'

/** Known so far that it can be shown. */
export type Shown = Known & { readonly record: JobRecord }

export const shownOf = (known: Known | undefined): Shown | undefined => {
  if (known?.record === undefined || known.state.phase === 'arriving' || known.state.phase === 'leaving')
    return undefined
  return { ...known, record: known.record }
}

/** Who shows it. */
export interface Viewer {
  readonly tenure: string | undefined
  /** Why it does not run a job that it has. */
  readonly waits: (id: string) => string | undefined
}

export const viewOf = (shown: Shown, viewer: Viewer): JobView => {
  const { id, record, state, news } = shown
  const { asked, number, count, submitted } = record
  const { phase, daemon } = state
  const isActive = phase === 'active'
  const why = isActive ? whyNotRunning(shown, viewer) : state.why
  const items = count ?? (phase === 'done' ? state.settled : undefined)
  return {
    id,
    number,
    name: asked.name,
    state: isEnd(phase) ? phase : isActive && why === undefined ? 'running' : 'waiting',
    ...(items !== undefined && { items }),
    settled: Math.max(state.settled, news?.settled ?? 0),
    failed: Math.max(state.failed, news?.failed ?? 0),
    wallSeconds: Math.max(state.wallSeconds, news?.wallSeconds ?? 0),
    ...(why !== undefined && { why }),
    submitted,
    ...(isActive && daemon !== null && { owner: daemon }),
    weight: asked.weight ?? 1,
    priority: asked.priority ?? 0,
    slots: isActive ? (news?.slots ?? 0) : 0,
  }
}

const whyNotRunning = ({ id, state, news, wish }: Shown, { tenure, waits }: Viewer): string | undefined => {
  if (wish !== undefined) return `it is being cancelled: ${wish.cancel}`
  if (news !== undefined) return news.waiting
  if (state.daemon === null) return 'no daemon has it yet'
  if (state.daemon === tenure) return waits(id) ?? 'it begins'
  return `nothing was heard of it from ${state.daemon} yet`
}
