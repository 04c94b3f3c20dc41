import test from 'ava'
import fc from 'fast-check'
import { Intake } from '../../agent/intake.js'
import { EMPTY_ITEMS } from '../../proto/items.js'
import { type LiveShards, packLive } from '../../proto/live.js'
import type { ActiveJob, Broadcast } from '../../proto/presence.js'
import type { Task } from '../../proto/shard.js'
import { VERSIONS } from '../../proto/version.js'

const live = (...attempts: [number, number][]): LiveShards =>
  packLive(
    attempts.map(([shard, attempt]) => ({ shard, attempt })),
    attempts.length,
    5,
  )
const job = (fields: Partial<ActiveJob> = {}): ActiveJob => ({
  job: 'j',
  epoch: 2,
  spec: { sha256: '', sizeBytes: 0 },
  version: 1,
  weight: 1,
  nextShard: 5,
  live: live([3, 2], [4, 1]),
  recalled: [],
  finishing: false,
  ...fields,
})
const says = (sequence: number, jobs: readonly ActiveJob[], fields: Partial<Broadcast> = {}): Broadcast => ({
  coordinator: 'c',
  sequence,
  jobs,
  closing: false,
  versions: VERSIONS,
  program: '',
  ...fields,
})
const task = (fields: Partial<Task> = {}): Task => ({
  job: 'j',
  epoch: 2,
  shard: 3,
  attempt: 2,
  start: 0,
  items: EMPTY_ITEMS,
  careful: false,
  timeBoxSeconds: 1,
  ...fields,
})
const types = (effects: readonly { type: string }[]): string[] => effects.map(({ type }) => type)

test('a job is welcomed once, and looked through with each broadcast', t => {
  const intake = new Intake(VERSIONS)
  t.deepEqual(types(intake.hear(says(1, [job()]), 0)), ['stranger', 'job', 'changed'])
  t.deepEqual(types(intake.hear(says(2, [job()]), 1)), ['changed'])
  t.deepEqual(types(intake.hear(says(3, [job({ epoch: 3 })]), 1)), ['job', 'changed'])
  t.deepEqual(types(intake.hear(says(4, []), 2)), ['gone'])
  t.is(intake.jobs().size, 0)
})

test('a shard is wanted while its attempt lives, revoked by a newer one, settled when it is live no more', t => {
  const intake = new Intake(VERSIONS)
  intake.hear(says(1, [job()]), 0)
  t.is(intake.standing('j', 3, 2), 'wanted')
  t.is(intake.standing('j', 3, 1), 'revoked')
  t.is(intake.standing('j', 3, 3), 'wanted', 'the task was faster than the broadcast')
  t.is(intake.standing('j', 2, 1), 'settled')
  t.is(intake.standing('j', 5, 1), 'wanted', 'the task was faster than the broadcast')
  t.is(intake.standing('k', 3, 2), 'settled')
})

test('tasks of old epochs, of unknown or finishing jobs, and of old attempts are not accepted', t => {
  const intake = new Intake(VERSIONS)
  t.false(intake.accepts(task()))
  intake.hear(says(1, [job()]), 0)
  t.true(intake.accepts(task()))
  t.true(intake.accepts(task({ epoch: 3 })), 'the queue was faster than the broadcast')
  t.false(intake.accepts(task({ epoch: 1 })))
  t.false(intake.accepts(task({ attempt: 1 })))
  t.false(intake.accepts(task({ shard: 2 })))
  intake.hear(says(2, [job({ finishing: true })]), 0)
  t.false(intake.accepts(task()))
})

test('an older epoch of a job says nothing', t => {
  const intake = new Intake(VERSIONS)
  intake.hear(says(1, [job({ epoch: 3 })]), 0)
  t.deepEqual(types(intake.hear(says(1, [job({ epoch: 2 })], { coordinator: 'deposed' }), 0)), ['stranger'])
  t.is(intake.jobs().get('j')?.epoch, 3)
})

test("a coordinator's silence ends its jobs after a minute, and nobody else's", t => {
  const intake = new Intake(VERSIONS)
  intake.hear(says(1, [job()]), 0)
  intake.hear(says(1, [job({ job: 'k' })], { coordinator: 'd' }), 50)
  t.deepEqual(intake.tick(60), [])
  t.deepEqual(intake.tick(61), [{ type: 'gone', job: 'j', why: 'its coordinator was silent for 60 s' }])
  t.deepEqual([...intake.jobs().keys()], ['k'])
  t.deepEqual(types(intake.hear(says(2, [job()]), 70)), ['stranger', 'job', 'changed'], 'it may come back')
})

test('a job that another coordinator has taken over is not ended by the first one', t => {
  const intake = new Intake(VERSIONS)
  intake.hear(says(1, [job()]), 0)
  intake.hear(says(1, [job({ epoch: 3 })], { coordinator: 'd' }), 0)
  t.deepEqual(intake.hear(says(2, []), 0), [])
  t.is(intake.jobs().get('j')?.coordinator, 'd')
})

test('what was said before the end of a coordinator does not bring its jobs back', t => {
  const intake = new Intake(VERSIONS)
  intake.hear(says(1, [job()]), 0)
  t.deepEqual(types(intake.hear(says(3, [], { closing: true }), 0)), ['gone'])
  t.deepEqual(intake.hear(says(2, [job()]), 0), [])
  t.is(intake.jobs().size, 0)
})

test('an attempt is recalled when it is named, and no other attempt of its shard', t => {
  const intake = new Intake(VERSIONS)
  intake.hear(says(1, [job({ recalled: [{ shard: 3, attempt: 2 }] })]), 0)
  t.true(intake.isRecalled(task()))
  t.false(intake.isRecalled(task({ attempt: 1 })))
  t.false(intake.isRecalled(task({ shard: 4, attempt: 1 })))
  intake.hear(says(2, [job()]), 0)
  t.false(intake.isRecalled(task()))
})

test('the newest broadcast decides, in whatever order and however often they come', t => {
  const order = fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(order, heard => {
      const intake = new Intake(VERSIONS)
      let newest = -1
      for (const sequence of heard) {
        newest = Math.max(newest, sequence)
        const isAnnounced = (nth: number): boolean => nth % 3 !== 2
        const told = (nth: number): ActiveJob => job({ epoch: 1 + (nth >> 2), live: live([3, nth]) })
        intake.hear(says(sequence, isAnnounced(sequence) ? [told(sequence)] : []), 0)
        if (intake.jobs().has('j') !== isAnnounced(newest)) throw new Error(`after ${newest} the job is wrongly known`)
        if (!isAnnounced(newest)) continue
        if (intake.jobs().get('j')?.epoch !== 1 + (newest >> 2)) throw new Error('the epoch is not the newest')
        if (intake.standing('j', 3, newest) !== 'wanted') throw new Error('the newest attempt is not wanted')
        if (newest > 0 && intake.standing('j', 3, newest - 1) !== 'revoked') throw new Error('an old attempt is wanted')
      }
    }),
    { numRuns: 2000 },
  )
  t.pass()
})

test('a job in a version that is not read is not begun, and what was begun before stays without more of it', t => {
  const intake = new Intake({ oldest: 1, newest: 2 })
  const own = { versions: { oldest: 2, newest: 3 } }
  t.deepEqual(types(intake.hear(says(1, [job({ version: 3 })], own), 0)), ['stranger'])
  t.is(intake.jobs().size, 0)
  t.deepEqual(types(intake.hear(says(2, [job({ version: 2 })], own), 0)), ['job', 'changed'])
  t.true(intake.accepts(task()))
  t.is(intake.jobs().get('j')?.version, 2)
  t.deepEqual(types(intake.hear(says(3, [job({ version: 3 })], own), 0)), ['changed'])
  t.false(intake.accepts(task()))
  t.false(intake.jobs().get('j')?.isReadable)
})

test('a coordinator whose versions do not overlap is told of once, and nothing of it is taken', t => {
  const intake = new Intake({ oldest: 1, newest: 2 })
  const own = { versions: { oldest: 3, newest: 4 } }
  t.deepEqual(types(intake.hear(says(1, [job()], own), 0)), ['stranger', 'incompatible'])
  t.deepEqual(intake.hear(says(2, [job()], own), 0), [])
  t.is(intake.jobs().size, 0)
})
