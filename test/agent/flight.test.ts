import test from 'ava'
import { Flight } from '../../agent/flight.js'
import type { Progress } from '../../agent/progress.js'
import type { LoadedCode } from '../../agent/worker.js'

const code = { spec: { operation: 'map' } } as unknown as LoadedCode
const at = (run: number, start: number, count: number): Progress => ({ sequence: 9, run, start, count })

const withRuns = (): Flight => {
  const flight = new Flight()
  flight.sendLoad(0, code)
  for (const run of [3, 4, 5]) {
    const items = { form: 'range', start: 0, step: 1, count: 100 } as const
    flight.sendRun({ run, load: 0, start: 100 * run, items, careful: false, timeBoxSeconds: 1 }, 0)
  }
  flight.loaded(0, 0)
  return flight
}

test('a run ends behind what its worker has announced', t => {
  t.is(withRuns().curtail(4, at(4, 420, 1)), 421)
  t.is(withRuns().curtail(4, at(4, 420, 10)), 500, 'many short items may be over before the worker looks')
})

test('of a run that its worker has not reached all comes back', t => {
  t.is(withRuns().curtail(5, at(4, 420, 1)), 500)
  t.is(withRuns().curtail(3, { sequence: 0, run: 0, start: 0, count: 0 }), 300)
})

test('of a run that its worker is beyond nothing comes back, though its last report is still on its way', t => {
  t.is(withRuns().curtail(3, at(4, 400, 1)), 400)
})

test('an answered run is not there any more', t => {
  t.is(withRuns().curtail(7, at(4, 400, 1)), undefined)
})
