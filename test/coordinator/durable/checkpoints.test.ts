// Checkpoints of a real output side, with a disk that is slow and a clock of the test's own.
import test, { type ExecutionContext } from 'ava'
import type { Checkpoint } from '../../../coordinator/durable/checkpoint.js'
import { Checkpoints } from '../../../coordinator/durable/checkpoints.js'
import { JOB_DEFAULTS } from '../../../coordinator/job.js'
import { Settling } from '../../../coordinator/settling.js'
import { packValues } from '../../../proto/items.js'
import { type Log, silentLog } from '../../../proto/log.js'

const setUp = (t: ExecutionContext, save: (checkpoint: Checkpoint) => Promise<void>, log: Log = silentLog) => {
  const saved: Checkpoint[] = []
  const trimmed: number[] = []
  let saving = 0
  const durable = {
    job: 'j',
    owner: 1,
    save: async (checkpoint: Checkpoint) => {
      t.is(++saving, 1, 'two are saved at once')
      await save(checkpoint).finally(() => saving--)
      saved.push(checkpoint)
    },
  }
  let written = 0
  const settling = new Settling({
    request: {
      function: { runner: 'node', name: 'f', entry: '', function: 'f' },
      operation: 'map',
      input: { count: 100, next: async () => undefined, close: async () => {} },
      output: {
        write: async ({ start, end }) => {
          written += end - start
        },
        checkpoint: async () => ({ file: 'f', bytes: written, format: null }),
        commit: async () => {},
        abandon: async () => {},
      },
      options: JOB_DEFAULTS,
      durable,
    },
    operation: 'map',
    settledItems: () => 0,
    isBroken: () => false,
    onTooManyFailures: () => {},
    onBroken: why => t.fail(why),
    onRoom: () => {},
  })
  const clock = { now: 0 }
  const checkpoints = new Checkpoints({
    durable,
    settling,
    mostBytes: 100,
    trim: position => trimmed.push(position),
    clock: () => clock.now,
    log,
  })
  let position = 0
  const settle = (start: number, end: number, bytes = 10): void => {
    const values = packValues(Array.from({ length: end - start }, (_, nth) => nth)).items
    settling.settle({ start, end, values, failures: [] })
    checkpoints.heard(++position, [{ start, end }], bytes)
  }
  return { checkpoints, settle, saved, trimmed, clock }
}

const slowly = () => new Promise<void>(resolve => setTimeout(resolve, 20))

test('ticks in one turn of the event loop make one checkpoint', async t => {
  const { checkpoints, settle, saved, trimmed } = setUp(t, slowly)
  settle(0, 5)
  for (let nth = 0; nth < 5; nth++) checkpoints.tick()
  await checkpoints.save(false)
  t.is(saved.length, 1)
  t.deepEqual(saved[0]?.written, [{ start: 0, end: 5 }])
  t.deepEqual(trimmed, [1])
})

test('what is asked for while one is saved comes after it, and holds all that is written by then', async t => {
  const { checkpoints, settle, saved } = setUp(t, slowly)
  settle(0, 5)
  const first = checkpoints.save(false)
  settle(5, 9)
  await Promise.all([first, checkpoints.save(true), checkpoints.save(false)])
  t.deepEqual(saved.at(-1)?.written, [{ start: 0, end: 9 }])
  t.true(saved.at(-1)?.isWhole)
})

test('the next one rests, but not where what is kept for it would fill memory', async t => {
  const { checkpoints, settle, saved, clock } = setUp(t, async () => {
    clock.now += 0.5
  })
  settle(0, 5)
  checkpoints.tick()
  await checkpoints.save(false)
  settle(5, 6)
  clock.now += 9
  checkpoints.tick()
  await slowly()
  t.is(saved.length, 1)
  clock.now += 2
  checkpoints.tick()
  await slowly()
  t.is(saved.length, 2)
  settle(6, 7, 101)
  checkpoints.tick()
  await slowly()
  t.is(saved.length, 3)
  t.is(checkpoints.keptBytes, 0)
})

test('one that cannot be saved lets go of nothing, is told of once, and the next one has all', async t => {
  const said: string[] = []
  let isFull = true
  const save = async (): Promise<void> => {
    if (isFull) throw new Error('no space')
  }
  const { checkpoints, settle, saved, trimmed } = setUp(t, save, (_, text) => said.push(text))
  settle(0, 5)
  await checkpoints.save(false)
  settle(5, 6)
  await checkpoints.save(false)
  t.deepEqual(trimmed, [])
  t.true(checkpoints.needsReports)
  t.is(said.length, 1)
  t.regex(said[0] as string, /could not be written down, and it goes on: no space/)
  isFull = false
  settle(6, 7)
  await checkpoints.save(false)
  t.deepEqual(saved.at(-1)?.written, [{ start: 0, end: 7 }])
  t.deepEqual(trimmed, [3])
  t.false(checkpoints.needsReports)
})
