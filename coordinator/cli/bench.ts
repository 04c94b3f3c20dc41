// `manyhands bench`: how short tasks may be on this machine, or on a cluster, before handing them over takes more than they do:
// METG(50 %) and METG(95 %) of Task Bench. In: settings. Out: a table and a chart, or one JSON object, on standard output;
// what handing over costs, remembered.
import { loadavg } from 'node:os'
import { defaultSlots } from '../../agent/slots.js'
import { calibrateCluster, calibrateLocal } from '../calibrate.js'
import { type PlaceCosts, remember } from '../costs.js'
import type { Hands } from '../job.js'
import { withCluster, withLocal } from '../learn.js'
import type { Command } from './command.js'
import { type Curve, type Cut, curveOf } from './curves.js'
import { benchJson, renderBench } from './curves-text.js'
import { EXIT, Fault, messageOf } from './fault.js'
import type { GrainRunner } from './grains.js'
import { onInterrupt } from './interrupt.js'
import { type CheckedNats, checkNats, openHands, refuseReplicas } from './place.js'
import { costsOptionsOf } from './remembered.js'
import type { Settings } from './settings.js'

/** The curves together take about so long. */
const ALL_SECONDS = 18
type Place = { readonly place: 'local' } | { readonly place: 'cluster'; readonly nats: CheckedNats }

const CUTS: readonly Cut[] = ['one item', 'automatic']
/** A cluster without an agent would be waited for without end. */
const JOIN_SECONDS = 10

const say = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

const runnersOf = (settings: Settings, place: Place): readonly GrainRunner[] => {
  const runner = settings.get('runner')
  if (runner !== undefined) return [runner]
  return place.place === 'cluster' ? ['node'] : ['node', 'python']
}

/** The costs of the place, measured before anything else: the first job shows what the start of a worker costs. */
const calibrate = async (
  settings: Settings,
  place: Place,
  hands: Hands,
  runner: GrainRunner,
  signal: AbortSignal,
): Promise<PlaceCosts> => {
  const where = costsOptionsOf(settings)
  if (place.place === 'local') {
    const measured = await calibrateLocal({ hands, runner, signal })
    await remember(where, costs => withLocal(costs, runner, measured))
    return measured
  }
  const late = AbortSignal.any([signal, AbortSignal.timeout(JOIN_SECONDS * 1000)])
  const measured = await calibrateCluster({ hands, runner, signal: late }).catch(error => {
    const advice = `Has an agent joined? manyhands agent --nats ${place.nats.display}`
    throw new Fault('MH-JOB-BROKEN', messageOf(error), advice, error)
  })
  await remember(where, costs => withCluster(costs, place.nats.display, measured))
  return measured
}

const measure = async (
  settings: Settings,
  place: Place,
  runners: readonly GrainRunner[],
  signal: AbortSignal,
): Promise<Curve[]> => {
  const curves: Curve[] = []
  const seconds = ALL_SECONDS / (runners.length * CUTS.length)
  for (const runner of runners) {
    const hands = await openHands(settings, place, say)
    try {
      const { jobSeconds } = await calibrate(settings, place, hands, runner, signal)
      for (const cut of CUTS) curves.push(await curveOf({ hands, runner, cut, jobSeconds, seconds, signal }))
    } catch (error) {
      // A machine without Python has figures all the same.
      if (signal.aborted || runners.length === 1 || runner === 'node') throw error
      say(`manyhands: no figures for ${runner}: ${messageOf(error).split('\n')[0]}`)
    } finally {
      await hands.close()
    }
  }
  return curves
}

export const bench: Command = async ({ settings }) => {
  const place: Place = settings.has('nats') ? { place: 'cluster', nats: checkNats(settings) } : { place: 'local' }
  if (place.place === 'cluster') settings.refuse('slots', 'says nothing with --nats: the agents have their slots')
  else refuseReplicas(settings)
  const stop = new AbortController()
  const interrupt = onInterrupt(() => stop.abort())
  const [loadBefore = 0] = loadavg()
  try {
    const curves = await measure(settings, place, runnersOf(settings, place), stop.signal)
    const about = { place: place.place, cores: defaultSlots().allowed, loadBefore }
    process.stdout.write(
      settings.isOn('json') ? `${JSON.stringify(benchJson(curves, about))}\n` : renderBench(curves, about),
    )
    return EXIT.done
  } catch (error) {
    if (stop.signal.aborted) throw new Fault('MH-INTERRUPTED', 'interrupted before all was measured')
    throw error instanceof Fault ? error : new Fault('MH-JOB-BROKEN', messageOf(error), undefined, error)
  } finally {
    interrupt.stop()
  }
}
