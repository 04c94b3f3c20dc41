// A Node worker: the process that runs the user's JavaScript. In: LOAD, RUN and CLOSE on descriptor 3. Out: READY, LOADED,
// REFUSED and OUTCOMES there, announcements on descriptor 4; standard output and error are the user's.
// It imports little, since it is started once for each slot.

import { failureOf } from '../../../proto/failure.js'
import { Announcer } from '../../progress.js'
import type { WorkerRun } from '../../worker.js'
import { Channel } from '../channel.js'
import { Pace } from '../pace.js'
import { watchParent } from '../watch.js'
import { runFold } from './fold.js'
import { type Loaded, loadCode } from './load.js'
import { runMap } from './map.js'

const channel = new Channel()
const seat = { channel, announcer: new Announcer(4) }
const loads = new Map<number, { readonly loaded: Loaded; readonly pace: Pace }>()

channel.serve({
  load: async (load, code) => {
    try {
      loads.set(load, { loaded: await loadCode(code), pace: new Pace() })
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
    await (found.loaded.operation === 'fold' ? runFold : runMap)(found.loaded, run, found.pace, seat)
  },
  orphaned: () => process.kill(process.pid, 'SIGKILL'),
})
watchParent()
