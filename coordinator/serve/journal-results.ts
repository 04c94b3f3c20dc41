// The outcomes of a served job for whoever asks, from its journal. In: the journal, from which item on, in which order. Out: outcomes,
// each item once. Always true: one message of the journal is held at a time, and of what came before its turn only where it stands;
// nothing is read before what was read is taken.
import type { Log } from '../../proto/log.js'
import type { Outcomes, Report } from '../../proto/outcome.js'
import type { Journal } from '../../proto/store.js'
import { sliceOutcomes } from '../gather.js'
import { ReportReader } from '../report-reader.js'
import type { ResultsAsked } from './desk.js'
import { outcomesOf } from './journal-output.js'

export interface JournalResultsOptions extends ResultsAsked {
  readonly journal: Journal
  readonly log: Log
  /** Whether nothing more will be appended. */
  readonly isEnded: () => boolean
  /** Resolves when something may have been appended, the job may have ended, a moment has passed, or it is stopped. */
  readonly news: () => { readonly promise: Promise<void>; stop(): void }
  readonly signal: AbortSignal
}

/** Outcomes that came before their turn: behind which message of the journal they are whole. */
interface Ahead {
  readonly position: number
  /** Longer than a message: they stand in several, from this one on. */
  readonly first: number
}

export async function* journalResults(options: JournalResultsOptions): AsyncGenerator<Outcomes> {
  const { journal, ordered = true, start = 0 } = options
  const ahead = new Map<number, Ahead>()
  const reader = new ReportReader(options.log)
  let next = start
  let first = 1
  for (let position = 1; ; position++) {
    const message = await nextMessage(options, position)
    if (message === undefined) break
    const reports = outcomesOf(reader, message)
    for (const report of reports) {
      const open = behind(report, ordered ? next : start)
      if (open === undefined) continue
      if (ordered && open.start > next) ahead.set(open.start, { first, position })
      else {
        yield open
        next = open.end
      }
    }
    if (reports.length > 0) first = position + 1
    for (let place = ahead.get(next); place !== undefined; place = ahead.get(next)) {
      const there = await outcomesAt(journal, place, next, options.log)
      ahead.delete(next)
      yield there
      next = there.end
    }
  }
  // It ended before its last item: what is there, in its order.
  for (const [at, place] of [...ahead].sort(([a], [b]) => a - b))
    yield await outcomesAt(journal, place, at, options.log)
}

/** Undefined when there is none, and none will be waited for. */
const nextMessage = async (
  { journal, settledOnly = false, isEnded, news, signal }: JournalResultsOptions,
  position: number,
): Promise<Uint8Array | undefined> => {
  for (;;) {
    signal.throwIfAborted()
    const isLast = isEnded()
    const there = await journal.read(position)
    if (there !== undefined) return there
    // A server of a cluster may not have it yet, which its leader knows.
    if ((settledOnly || isLast) && (await journal.last()) < position) return undefined
    // Listening first: what is appended behind the look is told of.
    const changed = news()
    const meanwhile = await journal.read(position)
    if (meanwhile === undefined && !isEnded()) await changed.promise
    changed.stop()
    if (meanwhile !== undefined) return meanwhile
  }
}

const behind = (report: Report, next: number): Outcomes | undefined => {
  const { start, end, values, failures } = report
  if (end <= next || start === end) return undefined
  const outcomes = { start, end, values, failures }
  return start >= next ? outcomes : sliceOutcomes(outcomes, { start: next, end })
}

const outcomesAt = async (journal: Journal, place: Ahead, start: number, log: Log): Promise<Outcomes> => {
  const reader = new ReportReader(log)
  for (let position = place.first; position <= place.position; position++) {
    const message = await journal.read(position)
    for (const report of message === undefined ? [] : outcomesOf(reader, message))
      if (report.start <= start && start < report.end) return sliceOutcomes(bare(report), { start, end: report.end })
  }
  throw new Error(`the outcomes from item ${start} on are not in NATS any more`)
}

const bare = ({ start, end, values, failures }: Report): Outcomes => ({ start, end, values, failures })
