// The stations answer, each with its own work done, and the account of ours is whole; nothing here looks at how long it took.
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { Gate } from '../../bench/gate.js'
import { type Bench, measure } from '../../bench/group.js'
import { checkValues, FUNCTIONS } from '../../bench/items.js'
import { Peers } from '../../bench/peers.js'
import { Receipts } from '../../bench/receipts.js'
import { Rig, type StationName } from '../../bench/rig.js'
import type { StationRequest } from '../../bench/stations/protocol.js'

const benchOf = (rig: Rig): Bench => ({
  rig,
  gate: new Gate(0, 0),
  peers: new Peers(),
  receipts: new Receipts(),
  repetitions: 2,
  grainSeconds: 0.01,
  seeds: 1,
  pythonTurns: async () => 1,
  saveChart: () => {},
  progress: () => {},
  tell: () => {},
})

const roots: StationRequest = { job: 'sqrt', items: { from: 10, count: 990 } }
const spins: StationRequest = { job: 'spin', items: { count: 20, turns: [3, 1, 2] } }

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('every station of ours, of the floor and of Python does the work that it is asked for', async t => {
  const rig = await Rig.open()
  t.teardown(() => rig.close())
  const asked: [StationName, StationRequest][] = [
    ['ours', { ...roots, by: 'loop' }],
    ['ours', { ...roots, as: 'f64', place: 'local' }],
    ['ours', { ...roots, isCold: true }],
    ['ours', { ...spins, as: 'f64', place: 'local' }],
    ['ours', { job: 'record', items: { count: 30, turns: 5 }, place: 'local', times: 3 }],
    ['ours', { job: 'padded', items: { count: 30, turns: 5, padBytes: 100 } }],
    ['ours', { job: 'scored', items: { count: 30, turns: 5 }, isPassed: true, place: 'local' }],
    ['ours', { job: 'promised', items: { count: 30, turns: 5 }, isPassed: true, place: 'local' }],
    ['ours', { job: 'promised', items: { count: 30, turns: 5 }, by: 'loop' }],
    ['ours', { job: 'sorted', items: { count: 30, words: 5 }, isPassed: true, isStreamed: true, place: 'local' }],
    ['ours python', { ...roots, as: 'f64' }],
    ['floor', roots],
    ['floor', { ...spins, items: { count: 21, turns: 4 } }],
    ['floor', { job: 'noop', items: { count: 50 } }],
    ['python loop', roots],
    ['python pool', { job: 'spin', items: { count: 10, turns: 7 } }],
  ]
  for (const [name, request] of asked) {
    const answer = await rig.measure(name, request)
    t.true(answer.seconds > 0, `${name} ${request.job}`)
    if (request.place === 'local') {
      t.is(answer.receipts?.length, request.times ?? 1)
      t.true(answer.receipts?.every(({ placement }) => placement === 'local'))
    }
  }
})

test('a wrong value is an error, never a figure', async t => {
  await t.notThrowsAsync(checkValues('noop', { from: 3, count: 2 }, [3, 4]))
  await t.throwsAsync(checkValues('noop', { from: 3, count: 2 }, [3, 5]), { message: /value 1 is 5/ })
  await t.throwsAsync(checkValues('noop', { from: 3, count: 2 }, [3, 4, 5]), { message: /gave 3 values/ })
  await t.throwsAsync(checkValues('record', { count: 1, turns: 2 }, [{ id: 0 }]))
  const promised = FUNCTIONS.promised(2)
  await t.notThrowsAsync(checkValues('promised', { count: 1, turns: 2 }, [await promised]))
  await t.throwsAsync(checkValues('promised', { count: 1, turns: 2 }, [promised]), { message: /value 0 is \{\}/ })
})

test('a busy loop is there while a measurement runs, and no longer', async t => {
  const rig = await Rig.open()
  const pid = await rig.besideBusyLoop(async pid => {
    t.true(isAlive(pid))
    return pid
  })
  t.false(isAlive(pid))
  const kill = async (pid: number): Promise<void> => {
    process.kill(pid, 'SIGKILL')
    while (isAlive(pid)) await sleep(10)
  }
  await t.throwsAsync(rig.besideBusyLoop(kill), { message: /busy loop ended/ })
  await t.throwsAsync(
    rig.besideBusyLoop(() => rig.close()),
    { message: /busy loop ended/ },
  )
})

test('a case that fails is told of, and the others go on in turns', async t => {
  const rig = await Rig.open()
  t.teardown(() => rig.close())
  const order: string[] = []
  const run = (id: string) => ({
    id,
    run: async () => {
      order.push(id)
      if (id === 'b') throw new Error('it broke')
      return { seconds: 1 }
    },
  })
  const plan = { cases: ['a', 'b', 'c'].map(run), rows: () => [] }
  const left = { isEnough: () => true, isAny: () => true }
  const { samples, notes, isCut } = await measure('g', plan, benchOf(rig), left)
  t.deepEqual(order, ['a', 'b', 'c', 'a', 'c'])
  t.deepEqual(notes, ['b: it broke'])
  t.deepEqual([samples.values('a'), samples.values('b'), isCut], [[1, 1], [], false])
})

test('without time for repetitions one is made, without any time none', async t => {
  const rig = await Rig.open()
  t.teardown(() => rig.close())
  const plan = { cases: [{ id: 'a', run: async () => ({ seconds: 1 }) }], rows: () => [] }
  const short = await measure('g', plan, benchOf(rig), { isEnough: () => false, isAny: () => true })
  t.deepEqual([short.samples.values('a').length, short.isCut], [1, true])
  const none = await measure('g', plan, benchOf(rig), { isEnough: () => false, isAny: () => false })
  t.deepEqual([none.samples.values('a').length, none.notes], [0, ['a: no time was left']])
})
