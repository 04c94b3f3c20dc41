// `manyhands explain`: what a job would take inline, on this machine and on a cluster, before it is run. In: a function and an
// input, as for map. Out: a table, or one JSON object, on standard output; 4 when what is required is not to be had.
import { explainedJson } from '../explain.js'
import { paintFor } from './colour.js'
import type { Command } from './command.js'
import { renderExplanation } from './explanation.js'
import { EXIT, Fault } from './fault.js'
import { foresee, unmetByPrediction } from './foresee.js'
import { onInterrupt } from './interrupt.js'
import { checkInput } from './items.js'
import { functionOf, jobOptionsOf, sharedOf } from './job.js'
import { checkNats, refuseReplicas } from './place.js'
import type { Settings } from './settings.js'

/** A prediction has no such figure: it would be held to nothing. */
const checkPredictable = (settings: Settings): void => {
  if (!settings.get('require')?.some(({ measure }) => measure === 'failed')) return
  throw new Fault(
    'MH-USAGE-VALUE',
    `${settings.at('require')} names failed, which is known only when all items have run`,
    'Give it to map, with --explain where the prediction is wanted first.',
  )
}

export const explain: Command = async ({ settings, operands, rest }) => {
  checkPredictable(settings)
  await checkInput(settings)
  const nats = settings.has('nats') ? checkNats(settings) : undefined
  if (nats === undefined) refuseReplicas(settings)
  const options = jobOptionsOf(settings)
  const shared = sharedOf(settings)
  const fn = await functionOf(settings, { operands, rest })
  const stop = new AbortController()
  const interrupt = onInterrupt(() => stop.abort())
  try {
    const { explained, isWhole } = await foresee({
      settings,
      request: { function: fn, options, abort: stop.signal, ...(shared === undefined ? {} : { shared }) },
      nats,
      keeps: false,
      onPrint: line => process.stderr.write(`${line}\n`),
    })
    if (explained.sampling.end.state === 'interrupted') {
      throw new Fault('MH-INTERRUPTED', 'interrupted before the sample ended')
    }
    const { stdout, stderr, env } = process
    if (settings.isOn('json')) stdout.write(`${JSON.stringify(explainedJson(explained))}\n`)
    else stdout.write(renderExplanation(explained, paintFor(stdout, env), isWhole))
    const missed = unmetByPrediction(settings.get('require') ?? [], explained, 'any')
    for (const what of missed) stderr.write(`manyhands: predicted ${what} [MH-REQUIREMENT]\n`)
    return missed.length > 0 ? EXIT.notMet : EXIT.done
  } finally {
    interrupt.stop()
  }
}
