import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { startAhead } from '../../agent/ahead.js'
import type { WorkerEvent } from '../../agent/worker.js'
import { monotonicSeconds } from '../../proto/timing.js'

const taking = (start: ReturnType<typeof startAhead>) => {
  const events: WorkerEvent['type'][] = []
  let ready: () => void = () => {}
  const isReady = new Promise<void>(resolve => {
    ready = resolve
  })
  const worker = start({
    runner: 'node',
    cwd: process.cwd(),
    clock: monotonicSeconds,
    onPrint: () => {},
    onEvent: event => {
      events.push(event.type)
      if (event.type === 'ready') ready()
    },
  })
  return { worker, events, isReady }
}

test('who takes a worker that was started ahead hears what it said before, and who comes later gets another', async t => {
  const start = startAhead('node')
  await sleep(500)
  const first = taking(start)
  t.deepEqual(first.events, [], 'nobody is called before he has his worker')
  const second = taking(start)
  await Promise.all([first.isReady, second.isReady])
  t.not(first.worker.pid, second.worker.pid)
  await Promise.all([first.worker.close(5), second.worker.close(5)])
  t.deepEqual(first.events, ['ready', 'ended'])
  t.deepEqual(second.events, ['ready', 'ended'])
})
