// `manyhands map --explain`: the prediction first, then the job, with what the sample gave kept. In: a prepared job. Out: how
// to run the rest of it as the whole. Always true: no item runs twice for it; a job that cannot keep what is required of it,
// by its prediction, is not begun.
import type { JobEnd, JobRequest } from '../job.js'
import { RestInput, WholeOutput, wholeEnd } from '../kept.js'
import type { Output } from '../output/output.js'
import type { Sampled, Sampling } from '../sampling.js'
import { paintFor } from './colour.js'
import type { Watch } from './conduct.js'
import { renderExplanation } from './explanation.js'
import { EXIT, Fault } from './fault.js'
import { foresee, unmetByPrediction } from './foresee.js'
import { onInterrupt } from './interrupt.js'
import { placeOf } from './place.js'
import type { Prepared } from './prepare.js'
import type { Settings } from './settings.js'

export type Foreseeing =
  | { readonly exitCode: number }
  | { readonly run: (watch: Watch, output: Output) => Promise<JobEnd> }

/** Standard input cannot be read a second time. Call it before anything is opened. */
export const checkForeseeable = (settings: Settings): void => {
  if (!settings.has('input') || settings.get('input') !== '-') return
  settings.refuse('explain', 'cannot look ahead in standard input, which is read only once', 'Give --input FILE.')
}

export const foreseeMap = async (settings: Settings, prepared: Prepared): Promise<Foreseeing> => {
  const { request, conduct } = prepared
  const place = placeOf(settings)
  const stop = new AbortController()
  const interrupt = onInterrupt(() => stop.abort())
  try {
    const { input: _, ...rest } = request
    const { explained, isWhole } = await foresee({
      settings,
      request: { ...rest, abort: stop.signal },
      nats: place.place === 'cluster' ? place.nats : undefined,
      keeps: true,
      onPrint: line => conduct.progress.print(line),
    })
    const { stderr, env } = process
    if (explained.sampling.end.state === 'interrupted')
      throw new Fault('MH-INTERRUPTED', 'interrupted while the job was sampled')
    if (!settings.isOn('quiet')) stderr.write(`${renderExplanation(explained, paintFor(stderr, env), isWhole)}\n`)
    const missed = unmetByPrediction(settings.get('require') ?? [], explained, place.place)
    for (const what of missed) stderr.write(`manyhands: predicted ${what}; the job is not begun [MH-REQUIREMENT]\n`)
    if (missed.length > 0) return { exitCode: EXIT.notMet }
    const { sampling } = explained
    return { run: (watch, output) => runRest(prepared, sampling, watch, output) }
  } finally {
    interrupt.stop()
  }
}

const runRest = async (
  { request, hands }: Prepared,
  { sampled, end }: Sampling,
  watch: Watch,
  output: Output,
): Promise<JobEnd> => {
  const { options } = request
  const failed = sampled.find(({ outcome }) => 'failure' in outcome)
  if (failed !== undefined && options.onError === 'stop') return stopped(end, failed, output)
  const ended = await hands.run({
    ...request,
    signal: watch.signal,
    onProgress: progress =>
      watch.onProgress({
        ...progress,
        settled: progress.settled + sampled.length,
        failed: progress.failed + end.failed,
        total: progress.total === undefined ? undefined : progress.total + sampled.length,
      }),
    options: optionsOfRest(request, end.failed),
    operation: 'map',
    input: new RestInput(request.input, sampled),
    output: new WholeOutput(output, sampled, { ordered: !options.unordered }),
  })
  return wholeEnd(ended, sampled)
}

/** The first failure ends such a job, also in its sample. */
const stopped = async (end: JobEnd, { outcome, index }: Sampled, output: Output): Promise<JobEnd> => {
  await output.abandon()
  const failures = 'failure' in outcome ? [outcome.failure] : []
  return {
    ...end,
    state: 'stopped',
    failed: failures.length,
    failures,
    why: `Item ${index} failed: ${failures[0]?.message ?? ''}`,
  }
}

/** Failures of the sample count towards what is borne. */
const optionsOfRest = (
  { options, input }: Pick<JobRequest, 'options' | 'input'>,
  failed: number,
): JobRequest['options'] => {
  const { maxFailures } = options
  if (maxFailures === undefined) return options
  if ('count' in maxFailures) return { ...options, maxFailures: { count: Math.max(0, maxFailures.count - failed) } }
  if (input.count === undefined) return options
  return { ...options, maxFailures: { count: Math.max(0, Math.floor(maxFailures.fraction * input.count) - failed) } }
}
