// `manyhands watch`: how far a daemon's jobs are, one after the other, until each has ended. In: which. Out: the line of progress, then
// the verdict and the exit code as of map; with --json each view on a line of standard output. Always true: the jobs are left as they
// are, also by Ctrl-C.
import type { Desk, JobView } from '../../serve/desk.js'
import type { Command } from '../command.js'
import { EXIT, Fault } from '../fault.js'
import { receiptFileOf } from '../job.js'
import type { Settings } from '../settings.js'
import { sayEnd } from './end.js'
import { follow, type Leaving, onLeave } from './follow.js'
import { withDesk } from './open.js'
import { selectorOf } from './operands.js'
import { selectJobs } from './select.js'
import { processSpeech, proposal, type Speech } from './speech.js'
import { patience, steadyDetail } from './steady.js'
import { openRemoteProgress } from './submit.js'
import { viewJson } from './view.js'

const watchOne = async (
  desk: Desk,
  settings: Settings,
  job: JobView,
  leaving: Leaving,
  speech: Speech,
): Promise<number> => {
  const isJson = settings.isOn('json')
  const progress = await openRemoteProgress(settings, job.name, speech)
  const onView = (view: JobView): void => {
    if (isJson) speech.stdout.write(`${JSON.stringify(viewJson(view))}\n`)
  }
  const followed = await follow({ desk, job: job.id, leaving, progress, stdout: speech.stdout, onView })
  if (followed === 'unread') return EXIT.done
  if (followed === 'left') {
    const again = proposal(settings, 'watch', job)
    speech.stderr.write(`job ${job.number}, ${job.name}, goes on: the daemon has it; ${again} looks again\n`)
    return EXIT.interrupted
  }
  const detail = await steadyDetail(
    desk,
    job.id,
    patience(error => progress.print(`manyhands: ${error.message}`)),
  )
  return sayEnd(
    detail,
    {
      quiet: settings.isOn('quiet'),
      verbose: settings.isOn('verbose'),
      // Where its values go nobody knows here.
      tagged: true,
      json: false,
      requirements: settings.get('require'),
      receiptFile: receiptFileOf(settings),
    },
    speech,
  )
}

export const watchOn = async (desk: Desk, settings: Settings, selector: string, speech: Speech): Promise<number> => {
  const jobs = selectJobs(selector, await desk.jobs())
  if (jobs.length > 1 && settings.has('receipt'))
    throw new Fault(
      'MH-USAGE-CONFLICT',
      `${settings.at('receipt')} is one file, and ${selector} names ${jobs.length} jobs`,
    )
  const leaving = onLeave()
  let exitCode: number = EXIT.done
  try {
    for (const job of jobs) {
      const code = await watchOne(desk, settings, job, leaving, speech)
      if (code === EXIT.interrupted) return code
      exitCode = Math.max(exitCode, code)
    }
    return exitCode
  } finally {
    leaving.stop()
  }
}

export const watch: Command = async ({ settings, operands }) =>
  withDesk(settings, desk => watchOn(desk, settings, selectorOf(operands, 'last'), processSpeech()))
