import test from 'ava'
import { Turns, type TurnsOptions } from '../../../coordinator/inline/turns.js'

/** The clock moves on by `tickSeconds` each time that it is looked at. */
const made = (more: Partial<TurnsOptions> & { tickSeconds?: number } = {}) => {
  const { tickSeconds = 0.0001, ...options } = more
  let now = 0
  const turns = new Turns({
    workers: () => undefined,
    hasValues: () => false,
    hasRoom: () => true,
    isOver: () => false,
    clock: () => {
      now += tickSeconds
      return now
    },
    ...options,
  })
  return { turns, seconds: () => now }
}

const joining = () => ({ asked: 1, isStarting: false, hasBegun: false })

test('slices are long alone, short beside workers, and shortest while they come', t => {
  t.is(made().turns.sliceSeconds, 0.01)
  t.is(made({ workers: joining }).turns.sliceSeconds, 0.0005)
  const sharing = { workers: () => ({ ...joining(), hasBegun: true }), hasValues: () => true }
  t.is(made(sharing).turns.sliceSeconds, 0.001)
})

test('alone, one turn is enough', async t => {
  const { turns, seconds } = made()
  await turns.give(1)
  t.is(seconds(), 0)
})

test('workers on their way have as long as an item took, until what they may cost is used up', async t => {
  const { turns, seconds } = made({ workers: joining })
  turns.join(0.1)
  await turns.give(0.002)
  t.true(seconds() >= 0.002 && seconds() < 0.003, `${seconds()}`)
  for (let nth = 0; nth < 10; nth++) await turns.give(0.002)
  t.true(seconds() >= 0.006 && seconds() < 0.007, `${seconds()}`)
})

test('a process that starts, and items as short as a slice, are no reason to wait', async t => {
  for (const [isStarting, slice] of [
    [true, 0.01],
    [false, 0.0008],
  ] as const) {
    const { turns, seconds } = made({ workers: () => ({ ...joining(), isStarting }) })
    turns.join(1)
    await turns.give(slice)
    t.is(seconds(), 0)
  }
})

test('while messages go to and fro there are further turns, no longer than the slice was; two empty ones end them', async t => {
  const workers = () => ({ ...joining(), hasBegun: true })
  const busy = made({ workers, hasValues: () => true, tickSeconds: 0.0001 })
  await busy.turns.give(0.001)
  t.true(busy.seconds() >= 0.001 && busy.seconds() < 0.0012, `${busy.seconds()}`)
  const quiet = made({ workers, hasValues: () => true, tickSeconds: 0.00001 })
  await quiet.turns.give(0.001)
  t.true(quiet.seconds() < 0.0001, `${quiet.seconds()}`)
})

test('where what waits for its turn leaves no room, the caller waits with it, and no longer than the job', async t => {
  let looks = 0
  const { turns } = made({ hasRoom: () => ++looks > 3 })
  await turns.give(0)
  t.is(looks, 4)
  await made({ hasRoom: () => false, isOver: () => true }).turns.give(0)
})
