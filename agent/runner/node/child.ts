// A Node worker: the process that runs the user's JavaScript. In: LOAD, RUN and CLOSE on descriptor 3. Out: READY, LOADED,
// REFUSED and OUTCOMES there, announcements on descriptor 4; standard output and error are the user's.
// It imports little, since it is started once for each slot.

import { failureOf } from '../../../proto/failure.js'
import { Announcer } from '../../progress.js'
import type { WorkerRun } from '../../worker.js'
import { Channel } from '../channel.js'
import { Pace } from '../pace.js'
import { watchParent } from '../watch.js'
import { runItems, Waiting } from './concurrent.js'
import { runFold } from './fold.js'
import { type Loaded, loadCode } from './load.js'

const channel = new Channel()
const seat = { channel, announcer: new Announcer(4) }
const loads = new Map<number, { readonly loaded: Loaded; readonly pace: Pace; readonly waiting: Waiting }>()

channel.serve({
  load: async (load, code) => {
    try {
      loads.set(load, { loaded: await loadCode(code), pace: new Pace(), waiting: new Waiting(code.spec) })
      return undefined
    } catch (error) {
      const failure = failureOf(error)
      const what = code.bundleFolder === undefined ? code.spec.function : code.spec.entry
      return { ...failure, message: `cannot load ${what}: ${failure.message}` }
    }
  },
  run: async (run: WorkerRun) => {
    const found = loads.get(run.load)
    // It was refused; the agent had sent this before it knew.
    if (found === undefined) return
    const { loaded, pace, waiting } = found
    if (loaded.operation === 'fold') await runFold(loaded, run, pace, seat)
    else await runItems(loaded, run, pace, seat, waiting)
  },
  orphaned: () => process.kill(process.pid, 'SIGKILL'),
})
watchParent()
