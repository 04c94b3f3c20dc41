// A daemon's job into an output of this machine: what `map` with a daemon and `results` have in common. In: a Desk, a job, settings.
// Out: the output, whole or not at all, and how it ended. Always true: an output is committed only when it holds an outcome of each
// item that it is to hold; one that the user leaves is taken away, since the daemon has its results still.
import { rm } from 'node:fs/promises'
import { partOf } from '../../output/file.js'
import type { Output } from '../../output/output.js'
import type { Desk, JobDetail, JobView } from '../../serve/desk.js'
import { Fault, messageOf } from '../fault.js'
import { formatCount, plural } from '../figures.js'
import type { ProgressLine } from '../progress.js'
import type { Settings } from '../settings.js'
import { hasEnded } from './end.js'
import { type Followed, follow, type Leaving } from './follow.js'
import { deskFault } from './open.js'
import { proposal, type Speech } from './speech.js'
import { patience, steadyDetail, steadyOutcomes } from './steady.js'
import { type Written, writeOutcomes } from './write.js'

export interface Delivery {
  readonly desk: Desk
  readonly settings: Settings
  readonly job: JobView
  readonly output: Output
  readonly leaving: Leaving
  readonly progress: ProgressLine
  readonly speech: Speech
}

export type Delivered =
  | { readonly how: 'ended'; readonly detail: JobDetail }
  | { readonly how: Exclude<Followed, 'ended'> }

/** As if it had not been opened. */
export const discard = async (settings: Settings, output: Output): Promise<void> => {
  await output.abandon().catch(() => {})
  const file = settings.get('output')
  // A device or a pipe has no part.
  if (file !== undefined && file !== '-') await rm(partOf(file), { force: true }).catch(() => {})
}

const fault = (delivery: Delivery, error: unknown): unknown => {
  const again = `The daemon has its results still: ${proposal(delivery.settings, 'results', delivery.job)} --output FILE`
  const told = deskFault(error, again)
  return told instanceof Fault ? told : new Fault('MH-OUTPUT', messageOf(error), again, error)
}

/** Every item that is to be in the output is, where the job has an outcome of each. */
const checkWhole = ({ view }: JobDetail, { items }: Written, start: number): void => {
  const expected = Math.max(0, view.settled - start)
  if (view.state === 'done' && items !== expected)
    throw new Error(`the daemon gave the outcomes of ${formatCount(items)} of ${plural(expected, 'item')}`)
}

const sayLeftOut = ({ speech, settings }: Delivery, { leftOut }: Written): void => {
  if (leftOut === 0 || settings.isOn('quiet')) return
  const what = `${plural(leftOut, 'item')} behind the first one that is not settled ${leftOut === 1 ? 'is' : 'are'} left out`
  speech.stderr.write(`manyhands: ${what}: --tagged or --unordered has them\n`)
}

const finish = async (delivery: Delivery, written: Written, start: number): Promise<JobDetail> => {
  const { desk, job, settings, output, progress } = delivery
  const detail = await steadyDetail(
    desk,
    job.id,
    patience(error => progress.print(`manyhands: ${error.message}`)),
  )
  checkWhole(detail, written, start)
  const isAsIs = settings.isOn('settledOnly')
  if (detail.view.state === 'done' || isAsIs) await output.commit()
  else await output.abandon()
  sayLeftOut(delivery, written)
  return detail
}

/** Writes the results as they come. */
export const deliver = async (delivery: Delivery): Promise<Delivered> => {
  const { desk, settings, job, output, leaving, progress, speech } = delivery
  const isUnordered = settings.isOn('unordered')
  const start = settings.get('start') ?? 0
  const settledOnly = settings.isOn('settledOnly')
  const asked = { start, ordered: !isUnordered, settledOnly }
  const how = { start, isPlaced: !(isUnordered || settings.isOn('tagged')) }
  let written: Written = { items: 0, leftOut: 0 }
  try {
    const followed = await follow({
      desk,
      job: job.id,
      leaving,
      progress,
      stdout: speech.stdout,
      isResultsOnly: settledOnly || hasEnded(job),
      results: async (signal, patience) => {
        written = await writeOutcomes(steadyOutcomes(desk, job.id, asked, signal, patience), output, how)
      },
    })
    if (followed === 'ended') return { how: followed, detail: await finish(delivery, written, start) }
    await discard(settings, output)
    return { how: followed }
  } catch (error) {
    await discard(settings, output)
    throw fault(delivery, error)
  }
}
