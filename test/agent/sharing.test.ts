// What stands in one worker's pipe when another has nothing to do: two workers that record what they are given, and say what
// the test wants.
import test, { type ExecutionContext } from 'ava'
import { Pool } from '../../agent/pool.js'
import type { Work } from '../../agent/slot.js'
import type { WorkerOptions, WorkerRun } from '../../agent/worker.js'
import type { Report } from '../../proto/outcome.js'
import type { JobSpec } from '../../proto/shard.js'
import { NO_TIME } from '../../proto/timing.js'

const SPEC: JobSpec = { job: 'j', name: 'f', operation: 'map', runner: 'node', entry: '', function: 'f', spread: false }
const CODE = { spec: SPEC } as Work['code']
const ITEMS = 100

interface Fake {
  readonly runs: WorkerRun[]
  readonly curtailed: number[]
  ended: number
  say: WorkerOptions['onEvent']
}

const openPool = (t: ExecutionContext, whereItEnds: (run: WorkerRun) => number = run => run.start) => {
  let now = 0
  const workers: Fake[] = []
  const reports: Report[] = []
  const pool = new Pool({
    agent: 'a',
    slots: 2,
    depth: 2,
    clock: () => now,
    cwd: '/',
    onPrint: () => {},
    onReport: report => reports.push(report),
    onRefused: () => {},
    onRoom: () => {},
    startWorker: options => {
      const worker: Fake = { runs: [], curtailed: [], ended: 0, say: options.onEvent }
      workers.push(worker)
      return {
        pid: 1,
        load: () => {},
        run: (run: WorkerRun) => {
          worker.runs.push(run)
        },
        curtail: (run: number) => {
          worker.curtailed.push(run)
          return whereItEnds(worker.runs.find(each => each.run === run) as WorkerRun)
        },
        close: async () => {},
        kill: async () => {},
      } as unknown as ReturnType<ConstructorParameters<typeof Pool>[0]['startWorker']>
    },
  })
  t.teardown(() => pool.close(0))
  const submit = (shard: number): void => {
    const task = { job: 'j', epoch: 1, shard, attempt: 1, start: shard * ITEMS, careful: false, timeBoxSeconds: 1 }
    const items = { form: 'range', start: 0, step: 1, count: ITEMS } as const
    pool.submit({ task: { ...task, items }, items, code: CODE })
  }
  const end = (worker: number, itemSeconds: number, count = ITEMS): void => {
    const fake = workers[worker] as Fake
    const { run, start } = fake.runs[fake.ended++] as WorkerRun
    const timing = { ...NO_TIME, computeSeconds: count * itemSeconds }
    const values = { form: 'f64', values: new Float64Array(count) } as const
    fake.say({ type: 'outcomes', run, span: { start, end: start + count }, values, failures: [], timing, last: true })
  }
  const given = (): number[][] => workers.map(({ runs }) => runs.map(({ start }) => start / ITEMS))
  submit(0)
  submit(1)
  for (const { say } of workers) say({ type: 'loaded', load: 0 })
  const pass = (seconds: number): void => {
    now += seconds
  }
  /** Longer than silence is borne. */
  const look = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 20))
  return {
    workers,
    reports,
    submit,
    end,
    pass,
    look,
    given,
    held: () => [...pool.held()].map(({ task }) => task.shard),
  }
}

/** Shards that seem short stand in both pipes; then the first worker is stuck, and the other has done all of its own. */
const stick = (t: ExecutionContext, whereItEnds?: (run: WorkerRun) => number) => {
  const opened = openPool(t, whereItEnds)
  opened.end(0, 1e-6)
  opened.end(1, 1e-6)
  for (const shard of [2, 3, 4, 5]) opened.submit(shard)
  t.deepEqual(opened.given(), [
    [0, 2, 4],
    [1, 3, 5],
  ])
  opened.end(1, 1e-6)
  opened.pass(0.001)
  opened.end(1, 1e-6)
  return opened
}

test('a worker with nothing to do takes over what stands behind one that is silent, once it has been so for a while', async t => {
  const { pass, look, given, end, reports, workers, held } = stick(t)
  t.deepEqual(given(), [
    [0, 2, 4],
    [1, 3, 5],
  ])
  pass(0.002)
  await look()
  t.deepEqual(given(), [
    [0, 2, 4],
    [1, 3, 5, 4],
  ])
  t.deepEqual(held().sort(), [2, 4])
  // The first worker ends its own, and passes over what was taken.
  end(0, 0.01)
  const before = reports.length
  end(0, 0, 0)
  t.is(reports.length, before)
  end(1, 1e-6)
  t.deepEqual(
    reports.filter(({ last }) => last).map(({ shard }) => shard),
    [0, 1, 3, 5, 2, 4],
  )
  t.deepEqual(workers[0]?.curtailed.length, 1)
})

test('what its worker has begun meanwhile is given back from there on, and not begun twice', async t => {
  const { pass, look, given, reports } = stick(t, ({ start }) => start + 8)
  pass(0.002)
  await look()
  t.deepEqual(given()[1], [1, 3, 5])
  t.deepEqual(reports.at(-1)?.givenBack, { start: 4 * ITEMS + 8, end: 5 * ITEMS })
  pass(0.1)
  await look()
  t.is(reports.filter(({ givenBack }) => givenBack !== undefined).length, 1)
})

test('while a worker speaks nothing is taken from it', async t => {
  const { pass, look, given, end } = stick(t)
  pass(0.0005)
  end(0, 1e-6)
  pass(0.001)
  await look()
  t.deepEqual(given()[1], [1, 3, 5])
})
