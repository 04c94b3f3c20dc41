// `manyhands results`: what a daemon's job gives, into an output of this machine. In: which job, from which item on. Out: the bytes
// that `map` would have written. Always true: the daemon keeps the results; without --settled-only a job that runs is waited for, and
// one that did not end well leaves FILE.part.
import type { Desk, JobDetail } from '../../serve/desk.js'
import type { Command } from '../command.js'
import { EXIT } from '../fault.js'
import { formatCount } from '../figures.js'
import { keptOf, outputOf } from '../results.js'
import type { Settings } from '../settings.js'
import { deliver } from './deliver.js'
import { endOf, hasEnded, sayEnd } from './end.js'
import { onLeave } from './follow.js'
import { withDesk } from './open.js'
import { selectorOf } from './operands.js'
import { selectOneJob } from './select.js'
import { processSpeech, proposal, type Speech } from './speech.js'
import { openRemoteProgress } from './submit.js'

const sayEnded = (settings: Settings, detail: JobDetail, speech: Speech): number => {
  const { view } = detail
  const quiet = settings.isOn('quiet')
  if (!hasEnded(view)) {
    const of =
      view.items === undefined
        ? formatCount(view.settled)
        : `${formatCount(view.settled)} of ${formatCount(view.items)}`
    if (!quiet) speech.stderr.write(`${view.name}: ${of} items are settled so far\n`)
    return EXIT.done
  }
  const kept = settings.isOn('settledOnly') ? undefined : keptOf(settings, { state: endOf(detail).state })
  const goesOn = view.state === 'done' ? undefined : `${proposal(settings, 'resume', view)} goes on with it.`
  return sayEnd(
    detail,
    {
      quiet,
      verbose: settings.isOn('verbose'),
      tagged: settings.isOn('tagged'),
      json: settings.isOn('json'),
      brief: true,
      kept: [kept, goesOn].filter(Boolean).join(' ') || undefined,
    },
    speech,
  )
}

export const resultsOn = async (desk: Desk, settings: Settings, selector: string, speech: Speech): Promise<number> => {
  const job = selectOneJob(selector, await desk.jobs())
  const leaving = onLeave()
  const progress = await openRemoteProgress(settings, job.name, speech)
  try {
    const output = await outputOf(settings)
    const delivered = await deliver({ desk, settings, job, output, leaving, progress, speech })
    if (delivered.how !== 'ended') {
      if (delivered.how === 'unread') return EXIT.done
      const again = proposal(settings, 'results', job)
      speech.stderr.write(`the daemon keeps the results of job ${job.number}, ${job.name}: ${again} gives them\n`)
      return EXIT.interrupted
    }
    return sayEnded(settings, delivered.detail, speech)
  } finally {
    progress.stop()
    leaving.stop()
  }
}

export const results: Command = async ({ settings, operands }) =>
  withDesk(settings, desk => resultsOn(desk, settings, selectorOf(operands, 'last'), processSpeech()))
