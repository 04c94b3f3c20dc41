// When work goes to a worker: workers that record what they are given, and say what the test wants.
import test, { type ExecutionContext } from 'ava'
import { Pool } from '../../agent/pool.js'
import type { Work } from '../../agent/slot.js'
import type { WorkerOptions, WorkerRun } from '../../agent/worker.js'
import type { JobSpec } from '../../proto/shard.js'
import { NO_TIME } from '../../proto/timing.js'

const SPEC: JobSpec = { job: 'j', name: 'f', operation: 'map', runner: 'node', entry: '', function: 'f', spread: false }

/** A pool of one slot on a clock of its own. */
const openPool = (t: ExecutionContext) => {
  let now = 0
  const runs: WorkerRun[] = []
  const prints: string[] = []
  let say: WorkerOptions['onEvent'] = () => {}
  const pool = new Pool({
    agent: 'a',
    slots: 1,
    depth: 2,
    clock: () => now,
    cwd: '/',
    onPrint: line => prints.push(line),
    onReport: () => {},
    onRefused: () => {},
    onRoom: () => {},
    startWorker: options => {
      say = options.onEvent
      return {
        pid: 1,
        load: () => {},
        run: (run: WorkerRun) => {
          runs.push(run)
        },
        close: async () => {},
        kill: async () => {},
      } as unknown as ReturnType<ConstructorParameters<typeof Pool>[0]['startWorker']>
    },
  })
  t.teardown(() => pool.close(0))
  const submit = (shard: number, job = 'j'): void => {
    const task = { job, epoch: 1, shard, attempt: 1, start: shard * 100, careful: false, timeBoxSeconds: 1 }
    const items = { form: 'range', start: 0, step: 1, count: 100 } as const
    pool.submit({ task: { ...task, items }, items, code: { spec: { ...SPEC, job } } as Work['code'] })
  }
  /** Ends the oldest run that has not ended; each of its items took so long. */
  let ended = 0
  const end = (itemSeconds: number): void => {
    const { run, start } = runs[ended++] as WorkerRun
    now += 100 * itemSeconds
    const timing = { ...NO_TIME, computeSeconds: 100 * itemSeconds }
    const values = { form: 'f64', values: new Float64Array(100) } as const
    say({ type: 'outcomes', run, span: { start, end: start + 100 }, values, failures: [], timing, last: true })
  }
  const pass = (seconds: number): void => {
    now += seconds
    pool.tick(now)
  }
  const loaded = (): void => say({ type: 'loaded', load: 0 })
  return { submit, end, pass, loaded, prints, given: () => runs.length, busySince: () => pool.busySince }
}

test('before anything was measured a worker has one shard, and the next', t => {
  const { submit, given } = openPool(t)
  for (const shard of [0, 1, 2]) submit(shard)
  t.is(given(), 2)
})

test('a worker whose shards are short has the next one at hand', t => {
  const { submit, end, given } = openPool(t)
  submit(0)
  end(1e-6)
  for (const shard of [1, 2, 3]) submit(shard)
  t.is(given(), 3)
})

test('behind a shard that takes long stands the next one, and no more', t => {
  const { submit, end, pass, given } = openPool(t)
  submit(0)
  end(0.001)
  submit(1)
  pass(0.02)
  submit(2)
  submit(3)
  t.is(given(), 3)
  end(0.001)
  t.is(given(), 4)
})

test('behind a shard that has been silent for a second nothing is put', t => {
  const { submit, end, pass, loaded, given } = openPool(t)
  submit(0)
  loaded()
  end(0.001)
  submit(1)
  pass(1.5)
  submit(2)
  t.is(given(), 2)
})

test("behind another job's shard stands nothing", t => {
  const { submit, end, given } = openPool(t)
  submit(0)
  end(0.001)
  submit(1)
  submit(2, 'another')
  t.is(given(), 2)
  end(0.001)
  t.is(given(), 3)
})

test('a worker whose shards take no time is given many at once, and one again when one of them takes long', t => {
  const { submit, end, given } = openPool(t)
  submit(0)
  end(1e-9)
  for (let shard = 1; shard < 40; shard++) submit(shard)
  t.is(given(), 17)
  end(1e-9)
  t.is(given(), 18)
  end(0.001)
  const before = given()
  end(0.001)
  t.is(given(), before)
})

test('code that has been loading for ten seconds is told of, once', t => {
  const { submit, pass, prints } = openPool(t)
  submit(0)
  pass(9)
  t.deepEqual(prints, [])
  pass(2)
  pass(20)
  t.is(prints.length, 1)
  t.regex(prints[0] ?? '', /^f has been loading for 10 s in slot 0/)
})

test('code that was loaded is not told of, however long its items take', t => {
  const { submit, pass, loaded, prints } = openPool(t)
  submit(0)
  pass(1)
  loaded()
  pass(60)
  t.deepEqual(prints, [])
})

test('a worker is busy since its code was loaded, or since its last report; not while it loads', t => {
  const { submit, end, pass, loaded, busySince } = openPool(t)
  t.is(busySince(), undefined)
  submit(0)
  pass(2)
  t.is(busySince(), undefined)
  loaded()
  pass(1)
  t.is(busySince(), 2)
  end(0.01)
  t.is(busySince(), undefined)
  submit(1)
  t.is(busySince(), 4)
})
